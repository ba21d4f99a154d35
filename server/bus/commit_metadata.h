#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace eventbus::bus {

// Offsets [begin, end), each of a record that is settled or of none at all.
struct Span {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  bool operator==(const Span&) const = default;
};

// What a group remembers of a partition beyond its offset, in the metadata of its commit: what has
// been settled out of order. In Kafka, so that it survives every server; other tools may meet it.
struct CommitMetadata {
  // Past the committed offset, in order, apart from each other.
  std::vector<Span> settled;

  bool operator==(const CommitMetadata&) const = default;
};

// At most so many characters; Kafka's own limit is 4,096.
inline constexpr std::size_t kMaxMetadataBytes = 2048;

// The text for a commit of `offset`: printable ASCII, empty where there is nothing to remember.
// Where it would be too long the farthest spans are left out: their events are delivered again.
std::string FormatCommitMetadata(const CommitMetadata& metadata, std::int64_t offset);

// Unset where `text` is not ours, or of a version that this server does not know: then the offset
// alone counts. The empty text is the empty metadata. Never fails otherwise; thread-safe.
absl::optional<CommitMetadata> ParseCommitMetadata(absl::string_view text, std::int64_t offset);

}  // namespace eventbus::bus
