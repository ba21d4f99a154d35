#pragma once

#include <vector>

#include "absl/strings/string_view.h"
#include "server/kafka/record.h"

namespace eventbus::rdkafka {

// The partitions in what the leader of a group has assigned to a member, as Kafka's consumers write
// it. None where it is not that: groups of other programs have formats of their own. Pure.
std::vector<kafka::TopicPartition> ParseMemberAssignment(absl::string_view bytes);

}  // namespace eventbus::rdkafka
