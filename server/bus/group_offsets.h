#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/kafka/consumer.h"
#include "server/kafka/record.h"

namespace eventbus::bus {

// What `group` has committed of `partitions`, where it has, without becoming a member: by a
// consumer that lives as long as this call. Blocks up to `timeout`; KAFKA_UNAVAILABLE when it runs
// out, GROUP_DENIED.
absl::StatusOr<std::map<kafka::TopicPartition, std::int64_t>> QueryGroupOffsets(
    const std::string& group, const std::vector<kafka::TopicPartition>& partitions,
    kafka::ConsumerFactory& consumers, absl::Duration timeout);

}  // namespace eventbus::bus
