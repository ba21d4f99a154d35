#include "server/bus/group.h"

#include "tests/unit/bus/group_fixture.h"

namespace eventbus::bus {
namespace {

using fakes::DocumentJson;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

TEST_F(GroupTest, StartedNamesThePartitionsThenEventsThenCaughtUpOnce) {
  kafka_.Append(kTopic, 0, DocumentJson(1));
  Stream& stream = Start();
  const auto messages = stream.sink->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kStarted, kBatch, kCaughtUp));
  EXPECT_EQ(messages[0].started().stream_id(), "the-stream");
  EXPECT_EQ(messages[0].started().resume_token(), "");
  ASSERT_EQ(messages[0].started().assigned_size(), 2);
  EXPECT_EQ(messages[0].started().assigned(1).partition(), 1);
  Append(1, 1);
  EXPECT_THAT(Kinds(stream.sink->Take()), ElementsAre(kBatch));
}

TEST_F(GroupTest, WhatIsWrittenIsCommittedAtTheInterval) {
  Stream& stream = Start();
  Append(0, 3);
  EXPECT_EQ(Committed(0), 0);
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 3);
  stream.stalled = true;
  Append(0, 2);
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 3) << "handed to a write that is not done";
  Read(stream);
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 5);
}

TEST_F(GroupTest, AnIdleGroupCommitsNothingTwice) {
  Start();
  Append(0, 1);
  Advance(absl::Seconds(1));
  const int commits = group().commits();
  Advance(absl::Seconds(1));
  Advance(absl::Seconds(1));
  EXPECT_EQ(group().commits(), commits);
}

// Or a group that has read nothing would skip what is published until somebody reads again.
TEST_F(GroupTest, TheInitialPositionIsCommittedBeforeStarted) {
  Append(0, 4);
  options_.source.initial_position = Latest{};
  group().SetError(MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  Stream& stream = Start();
  EXPECT_THAT(stream.sink->Take(), IsEmpty());
  group().SetError(absl::OkStatus());
  Advance(absl::Seconds(1));
  EXPECT_EQ(Kinds(stream.sink->Take())[0], kStarted);
  EXPECT_EQ(Committed(0), 4);
  EXPECT_EQ(Committed(1), 0);
}

TEST_F(GroupTest, AGroupGoesOnWhereItStopped) {
  Append(0, 4);
  group().SetCommitted({kTopic, 0}, 2);
  options_.source.initial_position = Latest{};
  EXPECT_THAT(Places(Start().sink->Take()), ElementsAre("0:2", "0:3"));
}

TEST_F(GroupTest, HeartbeatsComeBeforeStartedAndSayTheLag) {
  kafka_.Group(kGroup).SetError(MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  Stream& stream = Start();
  Advance(absl::Seconds(15));
  EXPECT_THAT(Kinds(stream.sink->Take()), ElementsAre(kHeartbeat));
  kafka_.Group(kGroup).SetError(absl::OkStatus());
  Advance(absl::Seconds(1));
  stream.sink->Take();
  stream.stalled = true;
  Append(0, 3);
  stream.sink->Take();
  Append(0, 2);
  Advance(absl::Seconds(15));
  Read(stream);
  const auto messages = stream.sink->Take();
  ASSERT_EQ(Kinds(messages)[0], kHeartbeat);
  EXPECT_EQ(messages[0].heartbeat().lags(0).lag(), 2);
  EXPECT_EQ(messages[0].heartbeat().resume_token(), "");
}

TEST_F(GroupTest, TwoStreamsShareThePartitionsAndAreToldOnce) {
  Stream& first = Start();
  EXPECT_THAT(Kinds(first.sink->Take()), ElementsAre(kStarted, kCaughtUp));
  Stream& second = Start();
  const auto to_first = first.sink->Take();
  ASSERT_THAT(Kinds(to_first), ElementsAre(kAssignment));
  EXPECT_THAT(to_first[0].assignment().assigned(), SizeIs(1));
  const auto to_second = second.sink->Take();
  EXPECT_THAT(to_second[0].started().assigned(), SizeIs(1));
  Append(0, 3);
  Append(1, 3);
  auto places = Places(first.sink->Take());
  const auto more = Places(second.sink->Take());
  places.insert(places.end(), more.begin(), more.end());
  EXPECT_THAT(places, testing::UnorderedElementsAre("0:0", "0:1", "0:2", "1:0", "1:1", "1:2"));
}

TEST_F(GroupTest, MoreStreamsThanPartitionsAreOnStandbyAndTakeOver) {
  Stream& first = Start();
  Start();
  Stream& third = Start();
  const auto messages = third.sink->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kStarted, kCaughtUp));
  EXPECT_THAT(messages[0].started().assigned(), IsEmpty());
  first.group->OnGone();
  Run();
  const auto later = third.sink->Take();
  ASSERT_THAT(Kinds(later), ElementsAre(kAssignment));
  EXPECT_THAT(later[0].assignment().assigned(), SizeIs(1));
}

TEST_F(GroupTest, ARebalanceThatChangesNothingSaysNothing) {
  Stream& stream = Start();
  stream.sink->Take();
  Stream& guest = Start();
  guest.group->OnGone();
  Run();
  stream.sink->Take();  // There and back.
  group().ChangeTopics(1, {kTopic});
  Run();
  EXPECT_THAT(stream.sink->Take(), IsEmpty());
  Append(0, 1);
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:0"));
}

// What a client is just being sent would come twice otherwise.
TEST_F(GroupTest, ARebalanceWaitsForTheWriteUnderWay) {
  Stream& first = Start();
  first.stalled = true;
  Append(0, 2);
  Append(1, 2);
  Stream& second = Start();
  EXPECT_THAT(second.sink->Take(), IsEmpty());
  Read(first);
  auto places = Places(first.sink->Take());
  const auto more = Places(second.sink->Take());
  places.insert(places.end(), more.begin(), more.end());
  EXPECT_THAT(places, testing::UnorderedElementsAre("0:0", "0:1", "1:0", "1:1"));
}

TEST_F(GroupTest, ARebalanceDoesNotWaitLongForAClientThatDoesNotRead) {
  Stream& first = Start();
  first.stalled = true;
  Append(0, 2);
  Append(1, 2);
  Stream& second = Start();
  Advance(options_.member.release_grace);
  Advance(absl::Seconds(1));
  EXPECT_EQ(Kinds(second.sink->Take())[0], kStarted);
  EXPECT_EQ(first.sink->closed(), absl::nullopt);
}

TEST_F(GroupTest, WhatWasReadAndNotWrittenComesAgainAfterARebalance) {
  options_.reader.batch.max_events = 2;
  Stream& stream = Start();
  stream.sink->Take();
  stream.stalled = true;
  Append(0, 5);  // One batch under way, one waiting.
  Start().group->OnGone();
  Run();
  Read(stream);
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:0", "0:1", "0:2", "0:3", "0:4"));
}

TEST_F(GroupTest, ALossIsToldAtOnceAndNothingIsCommittedForIt) {
  Stream& stream = Start();
  stream.sink->Take();
  stream.stalled = true;
  Append(0, 2);
  group().LoseAssignments();
  Run();
  Read(stream);
  const auto messages = stream.sink->Take();
  ASSERT_GE(messages.size(), 3u);
  ASSERT_EQ(messages[1].message_case(), kAssignment);
  EXPECT_THAT(messages[1].assignment().assigned(), IsEmpty());
  ASSERT_EQ(messages[2].message_case(), kAssignment);
  EXPECT_THAT(messages[2].assignment().assigned(), SizeIs(2));
  EXPECT_THAT(Places(messages), ElementsAre("0:0", "0:1", "0:0", "0:1")) << "not committed yet";
}

TEST_F(GroupTest, MaxEventsEndsWithOkOnceAllIsCommittedAndLeft) {
  Append(0, 5);
  options_.reader.max_events = 3;
  Stream& stream = Start();
  EXPECT_THAT(Places(stream.sink->Take()), SizeIs(3));
  ASSERT_TRUE(stream.sink->closed().has_value());
  EXPECT_TRUE(stream.sink->closed()->ok());
  EXPECT_EQ(Committed(0), 3);
  EXPECT_EQ(group().members(), 0);
}

TEST_F(GroupTest, ARebalanceInBetweenDoesNotShortenABoundedRead) {
  options_.reader.max_events = 4;
  options_.reader.batch.max_events = 2;
  Stream& stream = Start();
  stream.stalled = true;
  Append(0, 4);
  group().LoseAssignments();
  Run();
  Read(stream);
  EXPECT_THAT(Places(stream.sink->Take()), SizeIs(4));
  EXPECT_TRUE(stream.sink->closed()->ok());
}

TEST_F(GroupTest, StopAtEndEndsAtTheEndsOfItsPartitions) {
  Append(0, 2);
  Append(1, 1);
  options_.reader.stop_at_end = true;
  Stream& stream = Start();
  EXPECT_THAT(Kinds(stream.sink->Take()), ElementsAre(kStarted, kBatch, kCaughtUp));
  EXPECT_TRUE(stream.sink->closed()->ok());
  EXPECT_EQ(Committed(0), 2);
  EXPECT_EQ(Committed(1), 1);
}

TEST_F(GroupTest, StopAtEndWithoutAPartitionEndsAtOnce) {
  Start();
  Start();
  options_.reader.stop_at_end = true;
  Stream& third = Start();
  EXPECT_EQ(Kinds(third.sink->Take())[0], kStarted);
  EXPECT_TRUE(third.sink->closed()->ok());
}

TEST_F(GroupTest, FilteredRecordsAreCommittedWithoutAWrite) {
  options_.reader.filter = *Filter::Parse({"document.indexed"}, fakes::Schema::Get().catalog);
  Stream& stream = Start();
  stream.sink->Take();
  Append(0, 3);
  Advance(absl::Seconds(1));
  EXPECT_THAT(stream.sink->Take(), IsEmpty());
  EXPECT_EQ(Committed(0), 3);
}

TEST_F(GroupTest, StreamsOfOneGroupMustHaveOneFilter) {
  Start();
  GroupOptions other = options_;
  other.reader.filter = *Filter::Parse({"document.*"}, fakes::Schema::Get().catalog);
  Stream& refused = StartWith(other);
  EXPECT_EQ(CloseReason(refused), v1::ERROR_REASON_GROUP_FILTER_MISMATCH);
  other.source.group_id = "another";
  EXPECT_EQ(StartWith(other).sink->closed(), absl::nullopt);
}

TEST_F(GroupTest, TheFilterIsFreeAgainOnceTheGroupHasNoStream) {
  Start().group->OnGone();
  Run();
  options_.reader.filter = *Filter::Parse({"document.*"}, fakes::Schema::Get().catalog);
  EXPECT_EQ(Start().sink->closed(), absl::nullopt);
}

TEST_F(GroupTest, WhatRetentionTookIsAGapAndReadingGoesOnAtTheOldest) {
  Append(0, 6);
  group().SetCommitted({kTopic, 0}, 1);
  kafka_.Truncate(kTopic, 0, 4);
  const auto messages = Start().sink->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kStarted, kGap, kBatch, kCaughtUp));
  EXPECT_EQ(messages[1].gap().first_offset(), 1);
  EXPECT_EQ(messages[1].gap().next_offset(), 4);
  EXPECT_EQ(messages[1].gap().cause(), v1::GAP_CAUSE_RETENTION);
  EXPECT_THAT(Places(messages), ElementsAre("0:4", "0:5"));
}

TEST_F(GroupTest, UnderGapPolicyLatestReadingGoesOnAtTheEnd) {
  Append(0, 6);
  group().SetCommitted({kTopic, 0}, 1);
  kafka_.Truncate(kTopic, 0, 4);
  options_.member.gap_policy = GapPolicy::kLatest;
  Stream& stream = Start();
  const auto messages = stream.sink->Take();
  EXPECT_EQ(messages.at(1).gap().next_offset(), 6);
  EXPECT_THAT(Places(messages), IsEmpty());
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 6);
}

TEST_F(GroupTest, UnderGapPolicyFailTheStreamEndsAndTheGroupKeepsItsOffset) {
  Append(0, 6);
  group().SetCommitted({kTopic, 0}, 1);
  kafka_.Truncate(kTopic, 0, 4);
  options_.member.gap_policy = GapPolicy::kFail;
  Stream& stream = Start();
  EXPECT_THAT(Kinds(stream.sink->Take()), ElementsAre(kStarted, kGap));
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_RESUME_POSITION_EXPIRED);
  EXPECT_EQ(Committed(0), 1);
}

TEST_F(GroupTest, AnOffsetPastTheEndIsAGapBackToTheOldest) {
  Append(0, 2);
  group().SetCommitted({kTopic, 0}, 50);
  const auto messages = Start().sink->Take();
  EXPECT_EQ(messages.at(1).gap().first_offset(), 50);
  EXPECT_EQ(messages.at(1).gap().next_offset(), 0);
  EXPECT_EQ(messages.at(1).gap().cause(), v1::GAP_CAUSE_PAST_END);
  EXPECT_THAT(Places(messages), ElementsAre("0:0", "0:1"));
}

TEST_F(GroupTest, AnInitialPositionPastTheEndHoldsNothingBack) {
  Append(0, 3);
  options_.source.initial_position = AtOffsets{{{{kTopic, 0}, 50}}};
  const auto messages = Start().sink->Take();
  ASSERT_THAT(Kinds(messages), testing::Contains(kGap));
  Advance(absl::Seconds(2));
  EXPECT_EQ(Committed(0), 3);
}

TEST_F(GroupTest, NorIsItTakenForTheEndOfABoundedRead) {
  Append(0, 2);
  group().SetCommitted({kTopic, 0}, 50);
  options_.reader.stop_at_end = true;
  Stream& stream = Start();
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:0", "0:1"));
  EXPECT_EQ(stream.sink->closed(), absl::OkStatus());
  EXPECT_EQ(Committed(0), 2);
}

// kafka-python does not wait for transactions, unless it is told to.
TEST_F(GroupTest, AnOffsetThatAnOpenTransactionHidesIsKept) {
  Append(0, 4);
  kafka_.Hide(kTopic, 0, 2);
  group().SetCommitted({kTopic, 0}, 3);
  Stream& stream = Start();
  EXPECT_THAT(Kinds(stream.sink->Take()), ElementsAre(kStarted));
  EXPECT_EQ(Committed(0), 3);
  kafka_.Hide(kTopic, 0, 100);
  Run();
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:3"));
}

TEST_F(GroupTest, APartitionWithoutALeaderHoldsUpNoOther) {
  Append(0, 1);
  Append(1, 1);
  for (const int partition : {0, 1}) group().SetCommitted({kTopic, partition}, 0);
  group().TakeLeader({kTopic, 1});
  Stream& stream = Start();
  auto messages = stream.sink->Take();
  ASSERT_EQ(messages.at(0).started().assigned_size(), 1);
  EXPECT_THAT(Places(messages), ElementsAre("0:0"));
  Advance(GroupMember::kRetry);
  EXPECT_THAT(Places(stream.sink->Take()), IsEmpty());
  EXPECT_THAT(Held(stream), UnorderedElementsAre(Pair(0, v1::BLOCKED_REASON_UNSPECIFIED),
                                                 Pair(1, v1::BLOCKED_REASON_KAFKA_UNAVAILABLE)));
  group().GiveLeader({kTopic, 1});
  Advance(GroupMember::kRetry);
  messages = stream.sink->Take();
  EXPECT_EQ(messages.at(0).assignment().assigned_size(), 2);
  EXPECT_THAT(Places(messages), ElementsAre("1:0"));
  EXPECT_THAT(Held(stream), UnorderedElementsAre(Pair(0, v1::BLOCKED_REASON_UNSPECIFIED),
                                                 Pair(1, v1::BLOCKED_REASON_UNSPECIFIED)));
}

TEST_F(GroupTest, WhatAMemberWaitsForMayGoToAnother) {
  Append(1, 1);
  for (const int partition : {0, 1}) group().SetCommitted({kTopic, partition}, 0);
  group().TakeLeader({kTopic, 1});
  Stream& stream = Start();
  Stream& other = Start();
  group().GiveLeader({kTopic, 1});
  Advance(GroupMember::kRetry);
  EXPECT_THAT(Places(stream.sink->Take()), IsEmpty());
  EXPECT_THAT(Places(other.sink->Take()), ElementsAre("1:0"));
}

// Where to begin in it is not known, and must be before `Started`.
TEST_F(GroupTest, APartitionThatTheGroupHasNoOffsetForIsWaitedFor) {
  group().TakeLeader({kTopic, 1});
  Stream& stream = Start();
  EXPECT_THAT(Kinds(stream.sink->Take()), IsEmpty());
  group().GiveLeader({kTopic, 1});
  Advance(GroupMember::kRetry);
  EXPECT_EQ(stream.sink->Take().at(0).started().assigned_size(), 2);
}

TEST_F(GroupTest, APositionLostWhileReadingIsAGapAfterWhatWasRead) {
  options_.reader.batch.max_events = 1;
  Stream& stream = Start();
  stream.sink->Take();
  stream.stalled = true;
  Append(0, 9);
  kafka_.Truncate(kTopic, 0, 7);
  Read(stream);
  const auto messages = stream.sink->Take();
  EXPECT_THAT(Places(messages), ElementsAre("0:0", "0:1", "0:7", "0:8"));
  EXPECT_THAT(Kinds(messages), ElementsAre(kBatch, kBatch, kGap, kBatch, kBatch));
}

TEST_F(GroupTest, TopicsThatAppearAreReadFromTheirBeginning) {
  options_.source.topics.clear();
  options_.source.initial_position = Latest{};
  Stream& stream = Start();
  stream.sink->Take();
  kafka_.AddTopic("meeting-events", 1);
  kafka_.Append("meeting-events", 0, "{}");
  Advance(absl::Seconds(30));
  Advance(absl::Seconds(1));
  const auto messages = stream.sink->Take();
  std::vector<std::string> topics;
  for (const auto& message : messages) {
    for (const auto& event : message.batch().events()) topics.push_back(event.topic());
  }
  EXPECT_THAT(topics, ElementsAre("meeting-events"));
}

// The topics of the first look-up may be newer than what the monitor has heard of.
TEST_F(GroupTest, ATopicThatTheMonitorHasNotHeardOfIsReadFromTheStart) {
  options_.source.topics.clear();
  kafka_.AddTopic("meeting-events", 1);
  Stream& stream = Start();
  EXPECT_THAT(Kinds(stream.sink->Take()), ElementsAre(kStarted, kCaughtUp));
  Advance(absl::Seconds(31));
  for (const int kind : Kinds(stream.sink->Take())) EXPECT_NE(kind, kAssignment);
}

TEST_F(GroupTest, DrainSaysSoCommitsLeavesAndEnds) {
  Stream& stream = Start();
  stream.sink->Take();
  Append(0, 2);
  stream.sink->Take();
  stream.group->Drain(absl::Seconds(20));
  Run();
  EXPECT_THAT(Kinds(stream.sink->Take()), ElementsAre(kDraining));
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(Committed(0), 2);
  EXPECT_EQ(group().members(), 0);
}

TEST_F(GroupTest, DrainDoesNotWaitLongForAClientThatDoesNotRead) {
  Stream& stream = Start();
  stream.stalled = true;
  Append(0, 2);
  stream.group->Drain(absl::Seconds(20));
  Run();
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  Advance(Group::kLastWrite);
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(Committed(0), 0) << "it may not have been written";
}

TEST_F(GroupTest, DrainDoesNotWaitLongForALookUpThatHangs) {
  Stream& stream = Start();
  group().LoseAssignments();
  executor_.Run();  // The look-up stays where it is.
  stream.group->Drain(absl::Seconds(20));
  executor_.Run();
  stream.sink->FinishWrite();
  clock_.Advance(Group::kLastWrite + Group::kLeaveTimeout);
  executor_.Run();
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SERVER_DRAINING);
}

TEST_F(GroupTest, AStalledClientIsEndedAndItsPartitionsMove) {
  Stream& stream = Start();
  stream.stalled = true;
  Append(0, 2);
  Advance(absl::Seconds(60));
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SUBSCRIBER_TOO_SLOW);
  EXPECT_EQ(group().members(), 0);
}

TEST_F(GroupTest, WhatAVanishedClientWasBeingSentComesAgain) {
  Stream& stream = Start();
  stream.stalled = true;
  Append(0, 2);
  stream.group->OnGone();
  Run();
  EXPECT_EQ(Committed(0), 0);
  EXPECT_THAT(Places(Start().sink->Take()), ElementsAre("0:0", "0:1"));
}

// As where gRPC is done with a cancelled call before the group has heard of it.
TEST_F(GroupTest, WhatWasWrittenIsCommittedThoughNobodyHoldsTheStreamAnyMore) {
  Stream& stream = Start();
  Append(0, 2);
  stream.group->OnGone();
  streams_.clear();
  Run();
  EXPECT_EQ(Committed(0), 2);
  EXPECT_EQ(group().members(), 0);
  EXPECT_EQ(kafka_.live_consumers(), 0);
}

// To a write that is refused nothing was handed over.
TEST_F(GroupTest, WhatABrokenStreamDidNotTakeComesAgain) {
  Stream& stream = Start();
  stream.sink->Take();
  stream.sink->Break();
  Append(0, 2);
  Advance(absl::Seconds(1));
  stream.group->OnGone();
  Run();
  EXPECT_EQ(Committed(0), 0);
  EXPECT_EQ(group().members(), 0);
}

TEST_F(GroupTest, UnderAutoEventsComeWithTheirFirstAttempt) {
  options_.reader.delivery_attempt = 1;
  Append(0, 1);
  EXPECT_EQ(Start().sink->Take().at(1).batch().events(0).delivery_attempt(), 1);
}

TEST_F(GroupTest, AnOutageIsOutlived) {
  Stream& stream = Start();
  stream.sink->Take();
  group().SetError(MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  kafka_.SetError(MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  Append(0, 1);
  Advance(absl::Seconds(15));
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  group().SetError(absl::OkStatus());
  kafka_.SetError(absl::OkStatus());
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 1);
}

TEST_F(GroupTest, AGroupThatIsDeniedEndsTheStream) {
  Stream& stream = Start();
  group().FailMembers(MakeError(v1::ERROR_REASON_GROUP_DENIED, "no"));
  Run();
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_GROUP_DENIED);
}

TEST_F(GroupTest, ATopicThatIsNotThereIsRefused) {
  options_.source.topics = {"tutor-queries"};
  EXPECT_EQ(CloseReason(Start()), v1::ERROR_REASON_TOPIC_NOT_FOUND);
}

TEST_F(GroupTest, NothingIsLeftOfAStreamThatHasEnded) {
  Stream& stream = Start();
  const std::weak_ptr<Group> weak = stream.group;
  stream.group->OnGone();
  Run();
  EXPECT_EQ(group().members(), 0);
  streams_.clear();
  Run();
  EXPECT_TRUE(weak.expired());
  EXPECT_EQ(kafka_.live_consumers(), 0);
}

}  // namespace
}  // namespace eventbus::bus
