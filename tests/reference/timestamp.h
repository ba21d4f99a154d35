#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace eventbus::reference {

// A point in time as google.protobuf.Timestamp has it.
struct Timestamp {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
};

// What the wire format takes: RFC 3339, also with a space for the T or without a zone (UTC); of the
// years 0001-9999 after the offset, nothing lost past the ninth digit of the fraction.
std::optional<Timestamp> ParseTimestamp(absl::string_view text);

// Whether the fields are in the ranges of google.protobuf.Timestamp.
bool IsValid(const Timestamp& timestamp);

// RFC 3339 in Z with 0, 3, 6 or 9 digits. `timestamp` must be valid.
std::string WriteTimestamp(const Timestamp& timestamp);

}  // namespace eventbus::reference
