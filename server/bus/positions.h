#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bus/resume_token.h"
#include "server/kafka/consumer.h"

namespace eventbus::bus {

// Where a reader wants to start.
struct Earliest {};
struct Latest {};
struct AtTime {
  absl::Time time;
};
struct AtOffsets {
  std::vector<kafka::StartOffset> positions;
  // Partitions not listed start at their oldest record; else with what is written from now on.
  bool others_earliest = false;
};
using Start = std::variant<Latest, Earliest, AtTime, ResumeToken, AtOffsets>;

// What Kafka says of a partition.
struct PartitionView {
  kafka::TopicPartition partition;
  kafka::Watermarks marks;
  // Under AtTime: the first offset at or after the time; -1: none.
  std::int64_t offset_for_time = -1;
};

// Records that cannot be had.
struct Lost {
  enum class Cause { kRetention = 1, kPastEnd = 2 };  // As eventbus.v1.GapCause.

  kafka::TopicPartition partition;
  std::int64_t first_offset = 0;
  std::int64_t next_offset = 0;
  Cause cause = Cause::kRetention;

  bool past_end() const { return cause == Cause::kPastEnd; }
};

// Whether `offset` can be read; if not, what is lost.
absl::optional<Lost> FindLost(const kafka::TopicPartition& partition, std::int64_t offset,
                              const kafka::Watermarks& marks);

// Whether `start` fits the cluster and the partitions that are read: REQUEST_INVALID, with the
// field's path below `path`, for a token of another cluster and for offsets of a partition that is
// not read. Pure.
absl::Status CheckStart(const Start& start, const std::string& path, const std::string& cluster_id,
                        const std::vector<kafka::TopicPartition>& partitions);

// The offset at which the partition starts. Pure; whether it can be read is for FindLost to say.
std::int64_t StartIn(const Start& start, const PartitionView& view);

// The offset at which each of `partitions` starts, in their order, for a tail; the errors are those
// of CheckStart. Pure.
absl::StatusOr<std::vector<kafka::StartOffset>> ResolveStart(
    const Start& start, const std::string& cluster_id,
    const std::vector<PartitionView>& partitions);

}  // namespace eventbus::bus
