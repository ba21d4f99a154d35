// Members of groups on a real Kafka; see rdkafka_fixtures.h for how to run it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/rdkafka/conf.h"
#include "server/rdkafka/handles.h"
#include "tests/integration/rdkafka_fixtures.h"
#include "tests/integration/rdkafka_member.h"

namespace eventbus::rdkafka {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Member;
using ::testing::Not;
using testing::RealKafkaTest;
using testing::ReasonOf;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAreArray;

// Kafka's least session, so that what waits for its end takes no longer.
const Properties kShortSession = {{"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "500"}};
const Properties kCooperative = {{"partition.assignment.strategy", "cooperative-sticky"},
                                 {"heartbeat.interval.ms", "500"}};
const Properties kQuick = {{"heartbeat.interval.ms", "500"}};

Properties With(Properties properties, const std::string& name, const std::string& value) {
  properties[name] = value;
  return properties;
}

// Values 0 to `count` - 1.
std::vector<std::string> Numbers(int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(absl::StrCat(i));
  return out;
}

std::vector<std::string> ValuesOf(const std::vector<Member*>& members) {
  std::vector<std::string> out;
  for (const Member* each : members) {
    for (std::string& value : each->values()) out.push_back(std::move(value));
  }
  return out;
}

class GroupKafkaTest : public RealKafkaTest {
 protected:
  void SetUp() override {
    RealKafkaTest::SetUp();
    group_ = NewName();
    trio_ = NewName();
    ASSERT_TRUE(CreateTopic(trio_, 3).ok());
  }

  // Writes `count` records with their number as value, spread over the partitions of `trio_`.
  void FillTrio(int count, int first = 0) {
    const auto producer = MakeProducer();
    testing::Reports reports;
    for (int i = first; i < first + count; ++i) {
      auto record = testing::MakeRecord(trio_, absl::StrCat(i), absl::StrCat(i));
      auto done = reports.For(i);
      ASSERT_TRUE(producer->Produce(record, done).ok());
    }
    ASSERT_TRUE(producer->Flush(kTimeout));
    ASSERT_THAT(reports.Wait(static_cast<std::size_t>(count)), SizeIs(count));
  }

  // As the broker knows them.
  int MembersOf(const std::string& group) {
    const ClientHolder client =
        MakeClient(RD_KAFKA_PRODUCER, MakeAdminConf(config_).value()).value();
    const rd_kafka_group_list* list = nullptr;
    const rd_kafka_resp_err_t error =
        rd_kafka_list_groups(client.get(), group.c_str(), &list, 10'000);
    EXPECT_EQ(error, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2name(error);
    const int members = list != nullptr && list->group_cnt == 1 ? list->groups[0].member_cnt : 0;
    rd_kafka_group_list_destroy(list);
    return members;
  }

  // A member joins another's group while records are written, and leaves it.
  void ShareWhileWritten(const Properties& properties);
  // A member leaves a partition out for a while, through another's coming and going.
  void LeaveOneOut(const Properties& properties);

  std::string group_;
  // With three partitions.
  std::string trio_;
};

TEST_F(GroupKafkaTest, AMemberReadsCommitsAndFindsWhatItCommitted) {
  Fill(topic_, 10);
  const auto factory = MakeFactory();
  Member member(*factory, group_, {topic_});
  ASSERT_TRUE(member.PollUntil([&] { return member.events.ends[{topic_, 0}] == 10; }));
  EXPECT_EQ(member.values(), Numbers(10));
  EXPECT_EQ(member.consumer().CachedEnd({topic_, 0}), 10);
  EXPECT_THAT(member.errors, IsEmpty());

  const std::string metadata(3000, 'm');
  EXPECT_TRUE(member.CommitAndWait({{{topic_, 0}, 7, metadata}}).ok());
  const auto committed =
      member.consumer().QueryCommitted({{trio_, 2}, {topic_, 0}, {trio_, 1}}, kTimeout);
  ASSERT_TRUE(committed.ok()) << committed.status();
  ASSERT_THAT(*committed, SizeIs(3));
  EXPECT_EQ((*committed)[0].offset, -1);
  EXPECT_EQ((*committed)[0].partition.partition, 2);
  EXPECT_EQ((*committed)[1].offset, 7);
  EXPECT_EQ((*committed)[1].metadata, metadata);
  EXPECT_EQ((*committed)[2].metadata, "");
}

TEST_F(GroupKafkaTest, CommitsStandInTheOrderOfTheCalls) {
  const auto factory = MakeFactory();
  Member member(*factory, group_, {topic_});
  ASSERT_TRUE(member.PollUntil([&] { return member.assignments == 1; }));
  std::vector<int> answered;
  for (int i = 0; i < 100; ++i) {
    member.consumer().Commit({{{topic_, 0}, i, absl::StrCat(i)}},
                             [&, i](const absl::Status& status) {
                               EXPECT_TRUE(status.ok()) << status;
                               answered.push_back(i);
                             });
  }
  ASSERT_TRUE(member.PollUntil([&] { return answered.size() == 100; }));
  EXPECT_TRUE(std::is_sorted(answered.begin(), answered.end()));
  const auto committed = member.consumer().QueryCommitted({{topic_, 0}}, kTimeout);
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ((*committed)[0].offset, 99);
}

TEST_F(GroupKafkaTest, TooMuchMetadataIsTooLarge) {
  const auto factory = MakeFactory();
  Member member(*factory, group_, {topic_});
  ASSERT_TRUE(member.PollUntil([&] { return member.assignments == 1; }));
  const absl::Status status = member.CommitAndWait({{{topic_, 0}, 1, std::string(4097, 'm')}});
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_EVENT_TOO_LARGE) << status;
  EXPECT_TRUE(member.CommitAndWait({{{topic_, 0}, 1, ""}}).ok());
}

void GroupKafkaTest::ShareWhileWritten(const Properties& properties) {
  constexpr int kRecords = 3000;
  const auto factory = MakeFactory(properties);
  Member first(*factory, group_, {trio_});
  ASSERT_TRUE(first.PollUntil([&] { return first.positions().size() == 3; }));
  std::thread writer([&] {
    for (int i = 0; i < kRecords; i += 100) FillTrio(100, i);
  });
  Member second(*factory, group_, {trio_});
  EXPECT_TRUE(Member::PollAllUntil({&first, &second}, [&] {
    return !second.positions().empty() && first.positions().size() + second.positions().size() == 3;
  }));
  writer.join();
  FillTrio(300, kRecords);
  EXPECT_TRUE(Member::PollAllUntil({&first, &second}, [&] {
    return ValuesOf({&first, &second}).size() >= kRecords + 300;
  }));
  EXPECT_THAT(second.values(), Not(IsEmpty()));
  // Gives back what it was given.
  EXPECT_TRUE(second.LeaveAndWait(second.PositionsToCommit()).ok());
  EXPECT_TRUE(first.PollUntil([&] { return first.positions().size() == 3; }));
  FillTrio(300, kRecords + 300);
  EXPECT_TRUE(first.PollUntil([&] {
    return ValuesOf({&first, &second}).size() >= kRecords + 600;
  }));
  EXPECT_THAT(ValuesOf({&first, &second}), UnorderedElementsAreArray(Numbers(kRecords + 600)));
  for (const Member* each : {&first, &second}) {
    EXPECT_THAT(each->errors, IsEmpty());
    EXPECT_THAT(each->commit_errors, IsEmpty());
    EXPECT_EQ(each->losses, 0);
  }
}

TEST_F(GroupKafkaTest, MembersShareEachRecordOnceWhileTheyComeAndGo) { ShareWhileWritten(kQuick); }

TEST_F(GroupKafkaTest, CooperativeMembersShareEachRecordOnceWhileTheyComeAndGo) {
  ShareWhileWritten(kCooperative);
}

void GroupKafkaTest::LeaveOneOut(const Properties& properties) {
  constexpr int kRecords = 300;
  FillTrio(kRecords);
  const auto factory = MakeFactory(properties);
  Member first(*factory, group_, {trio_});
  ASSERT_TRUE(first.PollUntil([&] { return first.values().size() == kRecords; }));
  const auto before = first.positions();
  first.Pause({{trio_, 0}});
  FillTrio(kRecords, kRecords);
  const std::vector<kafka::TopicPartition> partitions = {{trio_, 0}, {trio_, 1}, {trio_, 2}};
  const auto ends = first.consumer().QueryWatermarks(partitions, kTimeout);
  ASSERT_TRUE(ends.ok()) << ends.status();
  ASSERT_TRUE(first.PollUntil([&] {
    return first.positions().at(partitions[1]) == (*ends)[1].end &&
           first.positions().at(partitions[2]) == (*ends)[2].end;
  }));
  EXPECT_EQ(first.positions().at(partitions[0]), before.at(partitions[0]));
  EXPECT_LT(before.at(partitions[0]), (*ends)[0].end);
  {
    Member second(*factory, group_, {trio_});
    ASSERT_TRUE(Member::PollAllUntil({&first, &second}, [&] {
      return !second.positions().empty() &&
             first.positions().size() + second.positions().size() == 3;
    }));
    ASSERT_TRUE(second.CommitAndWait(second.PositionsToCommit()).ok());
    EXPECT_TRUE(second.LeaveAndWait(second.PositionsToCommit()).ok());
    for (const std::string& value : second.values()) {
      first.events.records.push_back({{}, 0, 0, {}, value, {}});
    }
  }
  ASSERT_TRUE(first.PollUntil([&] { return first.positions().size() == 3; }));
  first.Pause({});
  ASSERT_TRUE(first.PollUntil([&] { return first.values().size() >= 2 * kRecords; }));
  EXPECT_THAT(first.values(), UnorderedElementsAreArray(Numbers(2 * kRecords)));
  EXPECT_THAT(first.errors, IsEmpty());
  EXPECT_THAT(first.commit_errors, IsEmpty());
  EXPECT_EQ(first.losses, 0);
}

TEST_F(GroupKafkaTest, WhatIsLeftOutStaysTheMembersAndIsReadOnLater) { LeaveOneOut(kQuick); }

TEST_F(GroupKafkaTest, SoUnderACooperativeAssignor) { LeaveOneOut(kCooperative); }

// librdkafka pauses what a member keeps, and would go on behind what it had fetched.
TEST_F(GroupKafkaTest, ACooperativeRebalanceSkipsNothingThatWasFetchedAndNotRead) {
  constexpr int kRecords = 300;
  FillTrio(kRecords);
  const auto factory = MakeFactory(kCooperative);
  Member first(*factory, group_, {trio_});
  first.Stall(true);
  ASSERT_TRUE(first.PollUntil([&] { return first.positions().size() == 3; }));
  ASSERT_TRUE(first.PollUntil([&] { return first.consumer().CachedEnd({trio_, 0}) > 0; }));
  Member second(*factory, group_, {trio_});
  ASSERT_TRUE(Member::PollAllUntil({&first, &second}, [&] {
    return !second.positions().empty() && first.positions().size() + second.positions().size() == 3;
  }));
  first.Stall(false);
  ASSERT_TRUE(Member::PollAllUntil(
      {&first, &second},
      [&] {
        return ValuesOf({&first, &second}).size() >= kRecords;
      },
      kTimeout))
      << ValuesOf({&first, &second}).size();
  EXPECT_THAT(ValuesOf({&first, &second}), UnorderedElementsAreArray(Numbers(kRecords)));
}

TEST_F(GroupKafkaTest, WhoLeavesHandsOverAtOnceWithItsCommit) {
  Fill(topic_, 10);
  const auto factory = MakeFactory(kQuick);
  Member first(*factory, group_, {topic_});
  ASSERT_TRUE(first.PollUntil([&] { return first.events.records.size() == 10; }));
  Member second(*factory, group_, {topic_});
  // An answer to one of them says nothing of the other's.
  ASSERT_TRUE(Member::PollAllUntil({&first, &second}, [&] {
    return second.assignments > 0 && first.positions().size() + second.positions().size() == 1;
  }));
  const bool first_has_it = !first.positions().empty();
  Member& leaving = first_has_it ? first : second;
  Member& staying = first_has_it ? second : first;
  const std::size_t known = staying.events.records.size();
  const absl::Time start = absl::Now();
  EXPECT_TRUE(leaving.LeaveAndWait({{{topic_, 0}, 4, "left"}}).ok());
  leaving.Drop();
  ASSERT_TRUE(staying.PollUntil([&] { return staying.events.records.size() == known + 6; }));
  // Its session has ten.
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  EXPECT_EQ(staying.events.records[known].offset, 4);
}

TEST_F(GroupKafkaTest, WhoIsDroppedHandsOverAtOnceWithoutACommit) {
  Fill(topic_, 10);
  const auto factory = MakeFactory(kQuick);
  Member first(*factory, group_, {topic_});
  ASSERT_TRUE(first.PollUntil([&] { return first.events.records.size() == 10; }));
  ASSERT_TRUE(first.CommitAndWait({{{topic_, 0}, 3, ""}}).ok());
  const absl::Time start = absl::Now();
  first.Drop();
  EXPECT_LT(absl::Now() - start, absl::Milliseconds(500));
  Member second(*factory, group_, {topic_});
  ASSERT_TRUE(second.PollUntil([&] { return second.events.records.size() == 7; }));
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  EXPECT_EQ(second.values().front(), "3");
}

TEST_F(GroupKafkaTest, LeavingInPlaceOfReleasingHandsOverAtOnceWithItsCommit) {
  Fill(topic_, 10);
  const auto factory = MakeFactory(kQuick);
  Member first(*factory, group_, {topic_});
  ASSERT_TRUE(first.PollUntil([&] { return first.events.records.size() == 10; }));
  bool revoked = false;
  first.no_release = [&] { revoked = true; };
  Member second(*factory, group_, {topic_});
  ASSERT_TRUE(Member::PollAllUntil({&first, &second}, [&] { return revoked; }));
  const absl::Time start = absl::Now();
  EXPECT_TRUE(first.LeaveAndWait({{{topic_, 0}, 6, ""}}).ok());
  ASSERT_TRUE(second.PollUntil([&] { return second.events.records.size() == 4; }));
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  EXPECT_EQ(second.values().front(), "6");
}

TEST_F(GroupKafkaTest, LeavingInPlaceOfReadingHandsOverAtOnce) {
  for (const Properties& properties : {kQuick, kCooperative}) {
    const std::string group = NewName();
    const auto factory = MakeFactory(properties);
    Member first(*factory, group, {trio_});
    ASSERT_TRUE(first.PollUntil([&] { return first.positions().size() == 3; }));
    bool assigned = false;
    Member second(*factory, group, {trio_});
    second.no_assign = [&] { assigned = true; };
    ASSERT_TRUE(Member::PollAllUntil({&first, &second},
                                     [&] { return assigned && first.positions().size() < 3; }));
    const absl::Time start = absl::Now();
    EXPECT_TRUE(second.LeaveAndWait({}).ok());
    ASSERT_TRUE(first.PollUntil([&] { return first.positions().size() == 3; }));
    EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  }
}

TEST_F(GroupKafkaTest, AReaderWhoTakesNothingStaysAMemberAndLosesNothing) {
  constexpr int kRecords = 2000;
  Fill(topic_, kRecords);
  // Far less than there is.
  Properties properties = With(kShortSession, "max.poll.interval.ms", "6000");
  properties = With(properties, "queued.max.messages.kbytes", "8");
  const auto factory = MakeFactory(properties);
  Member member(*factory, group_, {topic_});
  ASSERT_TRUE(member.PollUntil([&] { return member.events.records.size() >= 10; }));
  member.Stall(true);
  const absl::Time stalled = absl::Now();
  member.PollUntil([&] { return absl::Now() > stalled + absl::Seconds(8); });
  member.Stall(false);
  ASSERT_TRUE(member.PollUntil([&] { return member.events.records.size() >= kRecords; }));
  EXPECT_EQ(member.values(), Numbers(kRecords));
  EXPECT_EQ(member.revocations, 0);
  EXPECT_TRUE(member.CommitAndWait(member.PositionsToCommit()).ok());
}

TEST_F(GroupKafkaTest, WhoIsNotPolledLosesItsPartitions) {
  Fill(topic_, 10);
  const auto factory = MakeFactory(With(kShortSession, "max.poll.interval.ms", "6000"));
  Member member(*factory, group_, {topic_});
  ASSERT_TRUE(member.PollUntil([&] { return member.events.records.size() == 10; }));
  EXPECT_EQ(MembersOf(group_), 1);
  const absl::Time start = absl::Now();
  while (MembersOf(group_) > 0 && absl::Now() < start + kTimeout) {
  }
  ASSERT_TRUE(member.PollUntil([&] { return member.revocations == 1; }));
  EXPECT_EQ(member.losses, 1);
  // And comes back, with nothing committed.
  ASSERT_TRUE(member.PollUntil([&] { return member.events.records.size() == 20; }));
  EXPECT_THAT(member.errors, IsEmpty());
}

TEST_F(GroupKafkaTest, WhoReleasesTooLateCannotCommit) {
  Fill(topic_, 10);
  const auto factory = MakeFactory(With(kShortSession, "max.poll.interval.ms", "6000"));
  Member first(*factory, group_, {topic_});
  ASSERT_TRUE(first.PollUntil([&] { return first.events.records.size() == 10; }));
  Member second(*factory, group_, {topic_});
  ASSERT_TRUE(second.PollUntil([&] { return second.events.records.size() == 10; }));
  // The group went on without it, which librdkafka has not heard yet.
  ASSERT_TRUE(first.PollUntil([&] { return !first.commit_errors.empty(); }));
  EXPECT_EQ(ReasonOf(first.commit_errors[0]), v1::ERROR_REASON_KAFKA_UNAVAILABLE)
      << first.commit_errors[0];
  EXPECT_THAT(first.errors, IsEmpty());
  ASSERT_TRUE(Member::PollAllUntil({&first, &second}, [&] { return first.assignments == 2; }));
}

TEST_F(GroupKafkaTest, PositionsOutsideTheLogAreLostAndMoved) {
  for (const Properties& properties : {kQuick, kCooperative}) {
    const std::string group = NewName();
    const std::string topic = NewName();
    ASSERT_TRUE(CreateTopic(topic, 1).ok());
    Fill(topic, 10);
    const auto factory = MakeFactory(properties);
    {
      Member member(*factory, group, {topic});
      ASSERT_TRUE(member.PollUntil([&] { return member.assignments == 1; }));
      ASSERT_TRUE(member.LeaveAndWait({{{topic, 0}, 3, ""}}).ok());
    }
    DeleteBefore(topic, 4);
    Member member(*factory, group, {topic});
    ASSERT_TRUE(member.PollUntil([&] { return !member.events.lost.empty(); }));
    EXPECT_THAT(member.events.lost, ElementsAre(kafka::TopicPartition{topic, 0}));
    EXPECT_THAT(member.events.records, IsEmpty());
    member.MoveTo({{{topic, 0}, 4}});
    ASSERT_TRUE(member.PollUntil([&] { return member.events.records.size() == 6; }));
    EXPECT_EQ(member.values().front(), "4");
    EXPECT_EQ(member.revocations, 0);
    EXPECT_THAT(member.errors, IsEmpty());
  }
}

TEST_F(GroupKafkaTest, AssignDropsWhatWasFetched) {
  constexpr int kRecords = 5000;
  Fill(topic_, kRecords);
  for (const Properties& properties : {kQuick, kCooperative}) {
    const auto factory = MakeFactory(properties);
    Member member(*factory, NewName(), {topic_});
    ASSERT_TRUE(member.PollUntil([&] { return member.assignments == 1; }));
    for (int round = 0; round < 30; ++round) {
      const int start = (round * 7919) % (kRecords - 200);
      const std::size_t before = member.events.records.size();
      member.MoveTo({{{topic_, 0}, start}});
      const std::size_t wanted = before + static_cast<std::size_t>(1 + round % 150);
      ASSERT_TRUE(member.PollUntil([&] { return member.events.records.size() >= wanted; }));
      std::int64_t expected = start;
      for (std::size_t i = before; i < member.events.records.size(); ++i) {
        ASSERT_EQ(member.events.records[i].offset, expected++);
      }
    }
    EXPECT_THAT(member.errors, IsEmpty());
  }
}

TEST_F(GroupKafkaTest, JoiningAgainChangesTheTopics) {
  Fill(topic_, 1);
  const auto factory = MakeFactory(kQuick);
  Member member(*factory, group_, {topic_});
  ASSERT_TRUE(member.PollUntil([&] { return member.positions().size() == 1; }));
  ASSERT_TRUE(member.consumer().Join({topic_, trio_}).ok());
  ASSERT_TRUE(member.PollUntil([&] { return member.positions().size() == 4; }));
  EXPECT_THAT(member.commit_errors, IsEmpty());
}

TEST_F(GroupKafkaTest, UnknownTopicsAreNotFound) {
  const std::string missing = NewName();
  const auto factory = MakeFactory();
  Member member(*factory, group_, {missing});
  ASSERT_TRUE(member.PollUntil([&] { return !member.errors.empty(); }));
  EXPECT_EQ(ReasonOf(member.errors[0]), v1::ERROR_REASON_TOPIC_NOT_FOUND) << member.errors[0];
  EXPECT_EQ(GetErrorDetails(member.errors[0]).topic, missing);
}

TEST_F(GroupKafkaTest, OnlyTheJoinerHearsThatAssignorsDoNotMatch) {
  Fill(topic_, 10);
  const auto eager = MakeFactory(kQuick);
  Member member(*eager, group_, {topic_});
  ASSERT_TRUE(member.PollUntil([&] { return member.events.records.size() == 10; }));
  const auto cooperative = MakeFactory(kCooperative);
  Member joiner(*cooperative, group_, {topic_});
  ASSERT_TRUE(Member::PollAllUntil({&joiner, &member}, [&] { return !joiner.errors.empty(); }));
  EXPECT_EQ(ReasonOf(joiner.errors[0]), v1::ERROR_REASON_GROUP_PROTOCOL_MISMATCH)
      << joiner.errors[0];
  EXPECT_THAT(std::string(joiner.errors[0].message()), HasSubstr("cooperative-sticky"));
  EXPECT_THAT(member.errors, IsEmpty());
  EXPECT_EQ(member.revocations, 0);
  EXPECT_TRUE(member.CommitAndWait(member.PositionsToCommit()).ok());
}

// Needs an authorizer: see CMakeLists.txt.
using GroupAclTest = GroupKafkaTest;

TEST_F(GroupAclTest, ADeniedGroupIsNotJoined) {
  DenyGroup(group_);
  const auto factory = MakeFactory();
  Member member(*factory, group_, {topic_});
  ASSERT_TRUE(member.PollUntil([&] { return !member.errors.empty(); }));
  EXPECT_EQ(ReasonOf(member.errors[0]), v1::ERROR_REASON_GROUP_DENIED) << member.errors[0];
}

TEST_F(GroupAclTest, AGroupThatIsDeniedLaterTakesNoCommits) {
  const auto factory = MakeFactory();
  Member member(*factory, group_, {topic_});
  ASSERT_TRUE(member.PollUntil([&] { return member.assignments == 1; }));
  DenyGroup(group_);
  absl::Status status;
  const absl::Time start = absl::Now();
  while (status.ok() && absl::Now() < start + kTimeout) {
    status = member.CommitAndWait({{{topic_, 0}, 1, ""}});
  }
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_GROUP_DENIED) << status;
  status = member.consumer().QueryCommitted({{topic_, 0}}, kTimeout).status();
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_GROUP_DENIED) << status;
  ASSERT_TRUE(member.PollUntil([&] { return !member.errors.empty(); }));
  EXPECT_EQ(ReasonOf(member.errors[0]), v1::ERROR_REASON_GROUP_DENIED) << member.errors[0];
}

TEST_F(GroupAclTest, ADeniedTopicIsRefusedWithItsName) {
  DenyTopic(topic_);
  const auto factory = MakeFactory();
  Member member(*factory, group_, {topic_});
  ASSERT_TRUE(member.PollUntil([&] { return !member.errors.empty(); }));
  EXPECT_EQ(ReasonOf(member.errors[0]), v1::ERROR_REASON_SUBSCRIBE_DENIED) << member.errors[0];
  EXPECT_EQ(GetErrorDetails(member.errors[0]).topic, topic_);
}

// Keeps the errors of the group.
class GroupErrors final : public kafka::GroupEvents {
 public:
  void OnAssigned(const std::vector<kafka::TopicPartition>& /*partitions*/) override {}
  void OnRevoked(const std::vector<kafka::TopicPartition>& /*partitions*/, bool /*lost*/) override {
  }
  void OnGroupError(const absl::Status& error) override { errors.push_back(error); }

  std::vector<absl::Status> errors;
};

// Who only asks for its offsets learns it in the same way.
TEST_F(GroupAclTest, ADeniedGroupIsToldToWhoHasNotJoined) {
  DenyGroup(group_);
  const auto factory = MakeFactory();
  const auto consumer = factory->MakeGroupConsumer(group_, "asks", [] {});
  ASSERT_TRUE(consumer.ok()) << consumer.status();
  EXPECT_FALSE((*consumer)->QueryCommitted({{topic_, 0}}, absl::Seconds(2)).ok());
  GroupErrors told;
  (*consumer)->PollGroup(16, told);
  ASSERT_FALSE(told.errors.empty());
  EXPECT_EQ(ReasonOf(told.errors[0]), v1::ERROR_REASON_GROUP_DENIED) << told.errors[0];
}

// Last: it stops the broker.
TEST_F(GroupKafkaTest, AStoppedBrokerIsOutlived) {
  Fill(topic_, 10);
  const auto factory = MakeFactory();
  Member member(*factory, group_, {topic_});
  ASSERT_TRUE(member.PollUntil([&] { return member.events.records.size() == 10; }));
  ASSERT_TRUE(member.CommitAndWait(member.PositionsToCommit()).ok());
  ASSERT_TRUE(Control("stop-node"));
  const absl::Status away =
      member.consumer().QueryCommitted({{topic_, 0}}, absl::Seconds(1)).status();
  EXPECT_EQ(ReasonOf(away), v1::ERROR_REASON_KAFKA_UNAVAILABLE) << away;
  ASSERT_TRUE(Control("start-node"));
  Fill(topic_, 10, 10);
  ASSERT_TRUE(member.PollUntil([&] { return member.values().size() >= 20; }));
  EXPECT_TRUE(member.PollUntil([&] { return !member.positions().empty(); }));
  absl::Status committed = absl::UnknownError("not tried");
  const absl::Time start = absl::Now();
  while (!committed.ok() && absl::Now() < start + kTimeout) {
    committed = member.CommitAndWait(member.PositionsToCommit());
  }
  EXPECT_TRUE(committed.ok()) << committed;
  EXPECT_THAT(member.errors, IsEmpty());
  EXPECT_THAT(member.events.errors, IsEmpty());
}

}  // namespace
}  // namespace eventbus::rdkafka
