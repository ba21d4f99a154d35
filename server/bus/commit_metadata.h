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

// How often the event there has failed.
struct Failures {
  std::int64_t offset = 0;
  int count = 0;

  bool operator==(const Failures&) const = default;
};

// Who reads the partition, and how carefully; see bus/caution. An offset that is not above the
// committed one says nothing.
struct Mark {
  // A member reads it: found by the next one, it has not ended cleanly.
  bool open = false;
  // Below these offsets events are delivered few at a time, and one at a time.
  std::int64_t few_until = 0;
  std::int64_t one_until = 0;
  // [begin, end): the only events that were with a client; empty: not known.
  Span out;

  bool operator==(const Mark&) const = default;
};

// What a group remembers of a partition beyond its offset, in the metadata of its commit. In Kafka,
// so that it survives every server; other tools may meet it.
struct CommitMetadata {
  // From the committed offset on, in order.
  std::vector<Failures> failures;
  Mark mark;
  // Past the committed offset, in order, apart from each other: what has been settled out of order.
  std::vector<Span> settled;
  // In order, apart from each other, anywhere: records that are gone, and that no client is known
  // to have been told of.
  std::vector<Span> gaps = {};

  bool operator==(const CommitMetadata&) const = default;
};

// At most so many characters; Kafka's own limit is 4,096.
inline constexpr std::size_t kMaxMetadataBytes = 2048;

// The text for a commit of `offset`: printable ASCII, empty where there is nothing to remember.
// Where it would be too long the farthest spans are left out, and then the farthest counts: their
// events are delivered again, or fail once more before they are given up. The mark never is, and 70
// gaps are not.
std::string FormatCommitMetadata(const CommitMetadata& metadata, std::int64_t offset);

// Unset where `text` is not ours, or of a version that this server does not know: then the offset
// alone counts. The empty text is the empty metadata. Never fails otherwise; thread-safe.
absl::optional<CommitMetadata> ParseCommitMetadata(absl::string_view text, std::int64_t offset);

}  // namespace eventbus::bus
