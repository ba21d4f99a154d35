#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bus/context.h"
#include "server/bus/group_inspector.h"
#include "server/kafka/group_description.h"
#include "server/kafka/record.h"

namespace eventbus::bus {

// How far a group is in a partition; unset: not known.
struct PartitionReport {
  absl::optional<std::int64_t> committed;
  absl::optional<std::int64_t> end;
  // The stream of this server that has it, whose `partitions` is this one alone.
  absl::optional<HeldStream> held;
};

// What Kafka and the streams of this server say of a group.
struct GroupReport {
  kafka::GroupDescription description;
  // Each that the group has an offset for, or that a member or a stream has.
  std::map<kafka::TopicPartition, PartitionReport> partitions;
};

// Asks for it by what `context` has, whose inspector is not null. Blocks until `deadline` at most.
// Streams that do not answer within a second, and partitions of which Kafka does not tell the end,
// are left without. Errors: GROUP_NOT_FOUND, GROUP_DENIED, UNSUPPORTED, KAFKA_UNAVAILABLE.
absl::StatusOr<GroupReport> ReportGroup(const std::string& group, const Context& context,
                                        absl::Time deadline);

}  // namespace eventbus::bus
