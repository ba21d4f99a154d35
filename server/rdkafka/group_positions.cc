#include "server/rdkafka/group_positions.h"

#include <string>

namespace eventbus::rdkafka {

GroupPositions::Change GroupPositions::Assign(const std::vector<kafka::StartOffset>& positions) {
  Change change;
  for (const auto& [partition, reading] : readings_) change.stop.push_back(partition);
  change.start = positions;
  readings_.clear();
  for (const kafka::StartOffset& each : positions) readings_[each.partition] = {each.offset, false};
  last_topic_ = nullptr;
  return change;
}

GroupPositions::Change GroupPositions::Release(
    const std::vector<kafka::TopicPartition>& partitions) {
  Change change;
  for (const auto& [partition, reading] : readings_) change.stop.push_back(partition);
  for (const kafka::TopicPartition& each : partitions) readings_.erase(each);
  last_topic_ = nullptr;
  for (auto it = readings_.begin(); it != readings_.end();) {
    if (it->second.lost) {
      it = readings_.erase(it);
    } else {
      change.start.push_back({it->first, it->second.next_offset});
      ++it;
    }
  }
  return change;
}

void GroupPositions::Read(const kafka::RecordView& record) {
  if (record.topic.data() != last_topic_ || record.partition != last_partition_) {
    const auto it = readings_.find({std::string(record.topic), record.partition});
    last_topic_ = record.topic.data();
    last_partition_ = record.partition;
    last_ = it == readings_.end() ? nullptr : &it->second;
  }
  if (last_ != nullptr) last_->next_offset = record.offset + 1;
}

void GroupPositions::Reach(const kafka::TopicPartition& partition, std::int64_t next_offset) {
  const auto it = readings_.find(partition);
  if (it != readings_.end()) it->second.next_offset = next_offset;
}

void GroupPositions::Lose(const kafka::TopicPartition& partition) {
  const auto it = readings_.find(partition);
  if (it != readings_.end()) it->second.lost = true;
}

void PositionEvents::OnRecord(const kafka::RecordView& record) {
  positions_.Read(record);
  events_.OnRecord(record);
}

void PositionEvents::OnPartitionEnd(const kafka::TopicPartition& partition,
                                    std::int64_t next_offset) {
  positions_.Reach(partition, next_offset);
  events_.OnPartitionEnd(partition, next_offset);
}

void PositionEvents::OnPositionLost(const kafka::TopicPartition& partition) {
  positions_.Lose(partition);
  events_.OnPositionLost(partition);
}

}  // namespace eventbus::rdkafka
