// Members of groups on the embedded Kafka, where a join takes three seconds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "tests/integration/rdkafka_fixtures.h"
#include "tests/integration/rdkafka_member.h"

namespace eventbus::rdkafka {
namespace {

using ::testing::IsEmpty;
using testing::Member;
using testing::ReasonOf;
using testing::Signal;

using GroupTest = testing::EmbeddedKafkaTest;

TEST_F(GroupTest, AMemberReadsCommitsAndFindsWhatItCommitted) {
  Fill("events", 10);
  const auto factory = MakeFactory();
  Member member(*factory, "group", {"events"});
  ASSERT_TRUE(member.PollUntil([&] { return member.events.ends[{"events", 0}] == 10; }));
  EXPECT_EQ(member.values().size(), 10u);
  EXPECT_TRUE(member.CommitAndWait({{{"events", 0}, 7, "metadata"}}).ok());
  const auto committed = member.consumer().QueryCommitted({{"trio", 1}, {"events", 0}}, kTimeout);
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ((*committed)[0].offset, -1);
  EXPECT_EQ((*committed)[1].offset, 7);
  EXPECT_EQ((*committed)[1].metadata, "metadata");
  EXPECT_THAT(member.errors, IsEmpty());

  EXPECT_TRUE(member.LeaveAndWait({{{"events", 0}, 8, ""}}).ok());
  member.Drop();
  Member next(*factory, "group", {"events"});
  ASSERT_TRUE(next.PollUntil([&] { return next.events.records.size() == 2; }));
  EXPECT_EQ(next.values().front(), "8");
}

// See AssignsAnewWhatStillStops of a consumer without a group.
TEST_F(GroupTest, AssignsAnewWhatStillStopsAndLeaves) {
  Fill("wide", 10);
  const auto factory = MakeFactory();
  Member member(*factory, "group", {"wide"});
  ASSERT_TRUE(member.PollUntil([&] { return member.events.records.size() == 10; }));
  for (int i = 0; i < 200; ++i) member.MoveTo(member.positions());
  EXPECT_TRUE(member.LeaveAndWait({}).ok());
}

TEST_F(GroupTest, APartitionWithoutALeaderIsNotUnknown) {
  Fill("events", 3);
  kafka_->TakeLeader("trio", 1);
  const auto factory = MakeFactory();
  const auto consumer = *factory->MakeGroupConsumer("group", "test", [] {});
  auto marks = consumer->QueryLedWatermarks({{"trio", 1}, {"events", 0}}, kTimeout);
  ASSERT_TRUE(marks.ok()) << marks.status();
  EXPECT_EQ((*marks)[0].end, -1);
  EXPECT_EQ((*marks)[1].end, 3);
  marks = consumer->QueryLedWatermarks({{"trio", 1}}, kTimeout);
  ASSERT_TRUE(marks.ok()) << marks.status();
  EXPECT_EQ((*marks)[0].end, -1);
  marks = consumer->QueryWatermarks({{"trio", 1}}, absl::Milliseconds(300));
  EXPECT_EQ(ReasonOf(marks.status()), v1::ERROR_REASON_KAFKA_UNAVAILABLE) << marks.status();
  kafka_->GiveLeader("trio", 1);
  marks = consumer->QueryLedWatermarks({{"trio", 1}}, kTimeout);
  ASSERT_TRUE(marks.ok()) << marks.status();
  EXPECT_EQ((*marks)[0].end, 0);
}

TEST_F(GroupTest, JoiningAnUnknownTopicSaysNotFound) {
  const auto factory = MakeFactory();
  Member member(*factory, "group", {"events", "missing"});
  ASSERT_EQ(member.errors.size(), 1u);
  EXPECT_EQ(ReasonOf(member.errors[0]), v1::ERROR_REASON_TOPIC_NOT_FOUND) << member.errors[0];
  EXPECT_EQ(GetErrorDetails(member.errors[0]).topic, "missing");
}

TEST_F(GroupTest, AnOutageIsOutlived) {
  Fill("events", 5);
  const auto factory = MakeFactory();
  Member member(*factory, "group", {"events"});
  ASSERT_TRUE(member.PollUntil([&] { return member.events.records.size() == 5; }));
  kafka_->TakeDown();
  const absl::Status away =
      member.consumer().QueryCommitted({{"events", 0}}, absl::Milliseconds(300)).status();
  EXPECT_EQ(ReasonOf(away), v1::ERROR_REASON_KAFKA_UNAVAILABLE) << away;
  kafka_->BringUp();
  Fill("events", 5, 5);
  EXPECT_TRUE(member.PollUntil([&] { return member.events.records.size() >= 10; }));
  EXPECT_TRUE(member.CommitAndWait({{{"events", 0}, 10, ""}}).ok());
  EXPECT_THAT(member.errors, IsEmpty());
}

TEST_F(GroupTest, LeavingSaysInTimeThatKafkaIsAway) {
  const auto factory = MakeFactory();
  Member member(*factory, "group", {"events"});
  ASSERT_TRUE(member.PollUntil([&] { return member.assignments == 1; }));
  kafka_->TakeDown();
  std::vector<absl::Status> earlier;
  member.consumer().Commit({{{"events", 0}, 1, ""}},
                           [&](const absl::Status& status) { earlier.push_back(status); });
  const absl::Time start = absl::Now();
  const absl::Status status = member.LeaveAndWait({{{"events", 0}, 2, ""}});
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_KAFKA_UNAVAILABLE) << status;
  EXPECT_LT(absl::Now() - start, absl::Seconds(6));
  // On the same thread, before it.
  ASSERT_EQ(earlier.size(), 1u);
  EXPECT_EQ(ReasonOf(earlier[0]), v1::ERROR_REASON_KAFKA_UNAVAILABLE) << earlier[0];
  kafka_->BringUp();
}

TEST_F(GroupTest, CommitsThatAreUnderWayAreForgottenWithTheConsumer) {
  const auto factory = MakeFactory();
  Member member(*factory, "group", {"events"});
  ASSERT_TRUE(member.PollUntil([&] { return member.assignments == 1; }));
  kafka_->SetRoundTripTime(500);
  const auto alive = std::make_shared<bool>(false);
  for (int i = 0; i < 3; ++i) {
    member.consumer().Commit({{{"events", 0}, i, ""}},
                             [alive](const absl::Status&) { *alive = true; });
  }
  member.Drop();
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_FALSE(*alive);
}

TEST_F(GroupTest, WhoNeverJoinedLeavesAtOnce) {
  const auto factory = MakeFactory();
  Signal left;
  const auto consumer = factory->MakeGroupConsumer("group", "test", [] {}).value();
  const absl::Time start = absl::Now();
  consumer->Leave({}, [&](const absl::Status& status) {
    EXPECT_TRUE(status.ok()) << status;
    left.Raise();
  });
  EXPECT_TRUE(left.Wait());
  EXPECT_LT(absl::Now() - start, absl::Seconds(2));
}

}  // namespace
}  // namespace eventbus::rdkafka
