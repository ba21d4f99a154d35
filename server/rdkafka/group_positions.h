#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "server/kafka/consumer.h"

namespace eventbus::rdkafka {

// Where a member reads that changes its partitions one by one, as cooperative assignors want it.
// librdkafka 2.0 pauses all partitions when a rebalance begins, and what it had fetched of one
// whose reader had not begun is then skipped: each change here starts all partitions afresh.
//
// One thread at a time.
class GroupPositions {
 public:
  // What is to be given to librdkafka: `stop` first.
  struct Change {
    std::vector<kafka::TopicPartition> stop;
    std::vector<kafka::StartOffset> start;
  };

  // Everything that is to be read, and where.
  Change Assign(const std::vector<kafka::StartOffset>& positions);

  // Stops `partitions`; the others start again where they are.
  Change Release(const std::vector<kafka::TopicPartition>& partitions);

  // What was handed out. Its topic's name stays where it is until the next change.
  void Read(const kafka::RecordView& record);

  // There is nothing before `next_offset`.
  void Reach(const kafka::TopicPartition& partition, std::int64_t next_offset);

  // Is not read until the next Assign.
  void Lose(const kafka::TopicPartition& partition);

 private:
  struct Reading {
    std::int64_t next_offset = 0;
    bool lost = false;
  };

  std::map<kafka::TopicPartition, Reading> readings_;
  // The one of the record before: records come in runs. Compared by address, as librdkafka has one
  // name for all records of a topic.
  const char* last_topic_ = nullptr;
  std::int32_t last_partition_ = 0;
  Reading* last_ = nullptr;
};

// Tells GroupPositions of what goes to `events`.
class PositionEvents final : public kafka::ConsumerEvents {
 public:
  PositionEvents(GroupPositions& positions, kafka::ConsumerEvents& events)
      : positions_(positions), events_(events) {}

  void OnRecord(const kafka::RecordView& record) override;
  void OnPartitionEnd(const kafka::TopicPartition& partition, std::int64_t next_offset) override;
  void OnPositionLost(const kafka::TopicPartition& partition) override;
  void OnError(const absl::Status& error) override { events_.OnError(error); }

 private:
  GroupPositions& positions_;
  kafka::ConsumerEvents& events_;
};

}  // namespace eventbus::rdkafka
