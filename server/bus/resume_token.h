#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/kafka/record.h"

namespace eventbus::bus {

// Where a tail is: the offset of the next record, partition by partition.
struct ResumeToken {
  std::string cluster_id;
  std::map<kafka::TopicPartition, std::int64_t> positions;

  bool operator==(const ResumeToken&) const = default;
};

// The text that clients keep: opaque to them, URL-safe.
std::string FormatResumeToken(const ResumeToken& token);

// Unset where `text` was not made by FormatResumeToken, or was damaged.
absl::optional<ResumeToken> ParseResumeToken(absl::string_view text);

}  // namespace eventbus::bus
