#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/optional.h"
#include "server/bus/positions.h"

namespace eventbus::bus {

// What a group does where records that it has not read are gone.
enum class GapPolicy { kEarliest, kLatest, kFail };

// What is known of a partition that a group's member is to read.
struct GroupPartition {
  PartitionView view;
  // What the group has for it; its offset -1: nothing.
  kafka::GroupOffset committed;
  // It appeared while the stream ran: nothing in it is older than the stream.
  bool appeared = false;
};

// Where a member of a group goes on in a partition.
struct GroupStart {
  kafka::TopicPartition partition;
  std::int64_t offset = 0;
  // Where the partition ends now.
  std::int64_t end = 0;
  // What the group has, if it is of this log; before `offset` where records between are gone.
  absl::optional<kafka::GroupOffset> known;
  // Records that the group has not read and cannot have; `next_offset` is `offset`.
  absl::optional<Lost> lost = absl::nullopt;
  // Those before them of which no client is known to have been told, in order: see
  // bus/untold_gaps.
  std::vector<Lost> untold = {};

  bool past_end() const { return offset > end; }
};

// The group's offset, even past the end that is shown; where it has none, the oldest record of a
// partition that appeared, and `initial` of any other. Where that cannot be read: what `policy`
// says (under kFail it is up to the caller to end). Pure.
GroupStart FindGroupStart(const GroupPartition& partition, const Start& initial, GapPolicy policy);

// The same for a partition that was being read at `offset`, which Kafka no longer has or does not
// have yet; unset `lost`: it has it after all.
GroupStart FindNextStart(const kafka::TopicPartition& partition, std::int64_t offset,
                         const kafka::Watermarks& marks, GapPolicy policy);

}  // namespace eventbus::bus
