#include "server/rdkafka/group_positions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace eventbus::rdkafka {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const kafka::TopicPartition kFirst = {"events", 0};
const kafka::TopicPartition kSecond = {"events", 1};

class NoEvents final : public kafka::ConsumerEvents {
 public:
  void OnRecord(const kafka::RecordView& /*record*/) override {}
  void OnPartitionEnd(const kafka::TopicPartition& /*partition*/,
                      std::int64_t /*next_offset*/) override {}
  void OnPositionLost(const kafka::TopicPartition& /*partition*/) override {}
  void OnError(const absl::Status& /*error*/) override {}
};

// Hands a record of events out.
void Read(GroupPositions& positions, std::int32_t partition, std::int64_t offset) {
  NoEvents nobody;
  PositionEvents events(positions, nobody);
  kafka::RecordView record;
  record.topic = kFirst.topic;
  record.partition = partition;
  record.offset = offset;
  events.OnRecord(record);
}

std::map<kafka::TopicPartition, std::int64_t> Starts(const GroupPositions::Change& change) {
  std::map<kafka::TopicPartition, std::int64_t> out;
  for (const kafka::StartOffset& each : change.start) out[each.partition] = each.offset;
  return out;
}

TEST(GroupPositionsTest, AssignStartsEverythingAfresh) {
  GroupPositions positions;
  GroupPositions::Change change = positions.Assign({{kFirst, 3}});
  EXPECT_THAT(change.stop, IsEmpty());
  EXPECT_THAT(Starts(change), ElementsAre(Pair(kFirst, 3)));
  change = positions.Assign({{kFirst, 3}, {kSecond, 7}});
  EXPECT_THAT(change.stop, ElementsAre(kFirst));
  EXPECT_THAT(Starts(change), ElementsAre(Pair(kFirst, 3), Pair(kSecond, 7)));
}

TEST(GroupPositionsTest, WhatIsKeptGoesOnWhereItIs) {
  GroupPositions positions;
  positions.Assign({{kFirst, 3}, {kSecond, 7}});
  Read(positions, 0, 3);
  Read(positions, 1, 9);
  Read(positions, 0, 5);
  const GroupPositions::Change change = positions.Release({kSecond});
  EXPECT_THAT(change.stop, ElementsAre(kFirst, kSecond));
  EXPECT_THAT(Starts(change), ElementsAre(Pair(kFirst, 6)));
  EXPECT_THAT(positions.Release({kFirst}).start, IsEmpty());
}

TEST(GroupPositionsTest, AnEndIsAPosition) {
  GroupPositions positions;
  positions.Assign({{kFirst, 3}});
  NoEvents nobody;
  PositionEvents(positions, nobody).OnPartitionEnd(kFirst, 8);
  EXPECT_THAT(Starts(positions.Release({})), ElementsAre(Pair(kFirst, 8)));
}

TEST(GroupPositionsTest, WhatIsLostIsNotReadUntilTheNextAssign) {
  GroupPositions positions;
  positions.Assign({{kFirst, 3}, {kSecond, 7}});
  NoEvents nobody;
  PositionEvents(positions, nobody).OnPositionLost(kFirst);
  EXPECT_THAT(Starts(positions.Release({})), ElementsAre(Pair(kSecond, 7)));
  // Stopped by then.
  EXPECT_THAT(positions.Assign({{kFirst, 4}, {kSecond, 7}}).stop, ElementsAre(kSecond));
}

TEST(GroupPositionsTest, WhatIsNotReadHasNoPosition) {
  GroupPositions positions;
  positions.Assign({{kFirst, 3}});
  Read(positions, 1, 9);
  EXPECT_THAT(Starts(positions.Release({})), ElementsAre(Pair(kFirst, 3)));
}

}  // namespace
}  // namespace eventbus::rdkafka
