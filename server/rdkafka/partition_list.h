#pragma once

#include <cstdint>
#include <vector>

#include "server/kafka/consumer.h"
#include "server/kafka/record.h"
#include "server/rdkafka/handles.h"

namespace eventbus::rdkafka {

// The positions as librdkafka takes them, in their order.
PartitionsHolder ToStartList(const std::vector<kafka::StartOffset>& positions);

// The partitions, all with the same offset or, where it is below zero, logical position.
PartitionsHolder ToList(const std::vector<kafka::TopicPartition>& partitions, std::int64_t offset);

// The offsets with their metadata, as a commit takes them.
PartitionsHolder ToCommitList(const std::vector<kafka::GroupOffset>& offsets);

std::vector<kafka::TopicPartition> FromList(const rd_kafka_topic_partition_list_t& list);

}  // namespace eventbus::rdkafka
