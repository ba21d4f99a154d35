#include "server/rdkafka/partition_list.h"

namespace eventbus::rdkafka {

PartitionsHolder ToStartList(const std::vector<kafka::StartOffset>& positions) {
  PartitionsHolder list(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
  for (const kafka::StartOffset& each : positions) {
    rd_kafka_topic_partition_list_add(list.get(), each.partition.topic.c_str(),
                                      each.partition.partition)
        ->offset = each.offset;
  }
  return list;
}

PartitionsHolder ToList(const std::vector<kafka::TopicPartition>& partitions, std::int64_t offset) {
  PartitionsHolder list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const kafka::TopicPartition& each : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), each.topic.c_str(), each.partition)->offset =
        offset;
  }
  return list;
}

}  // namespace eventbus::rdkafka
