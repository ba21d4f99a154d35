#include "server/rdkafka/partition_list.h"

#include <cstdlib>
#include <cstring>

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

PartitionsHolder ToCommitList(const std::vector<kafka::GroupOffset>& offsets) {
  PartitionsHolder list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const kafka::GroupOffset& each : offsets) {
    rd_kafka_topic_partition_t* to = rd_kafka_topic_partition_list_add(
        list.get(), each.partition.topic.c_str(), each.partition.partition);
    to->offset = each.offset;
    if (each.metadata.empty()) continue;
    // librdkafka frees it.
    to->metadata = std::malloc(each.metadata.size());
    std::memcpy(to->metadata, each.metadata.data(), each.metadata.size());
    to->metadata_size = each.metadata.size();
  }
  return list;
}

std::vector<kafka::TopicPartition> FromList(const rd_kafka_topic_partition_list_t& list) {
  std::vector<kafka::TopicPartition> out;
  out.reserve(static_cast<std::size_t>(list.cnt));
  for (int i = 0; i < list.cnt; ++i) out.push_back({list.elems[i].topic, list.elems[i].partition});
  return out;
}

}  // namespace eventbus::rdkafka
