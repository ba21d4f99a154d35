#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace eventbus::wire {

// As google.protobuf.Timestamp has it.
struct WireTime {
  // Since 1970-01-01T00:00:00Z.
  std::int64_t seconds = 0;
  // 0 to 999,999,999, forward in time.
  std::int32_t nanos = 0;

  bool operator==(const WireTime&) const = default;
};

// Reads an RFC 3339 date and time; one without a zone is UTC. False if `text` is not one, or is not
// a time that is written again without loss: a second 60, an hour 24, a part of a nanosecond, a
// year that is not 0001-9999 in UTC.
bool ParseTimestamp(absl::string_view text, WireTime* time);

}  // namespace eventbus::wire
