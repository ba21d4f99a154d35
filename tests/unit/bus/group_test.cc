#include "server/bus/group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/fake_sink.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {
namespace {

using fakes::DocumentJson;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kTopic[] = "document-events";
constexpr char kGroup[] = "the-group";

constexpr int kStarted = v1::SubscribeResponse::kStarted;
constexpr int kBatch = v1::SubscribeResponse::kBatch;
constexpr int kHeartbeat = v1::SubscribeResponse::kHeartbeat;
constexpr int kAssignment = v1::SubscribeResponse::kAssignment;
constexpr int kGap = v1::SubscribeResponse::kGap;
constexpr int kCaughtUp = v1::SubscribeResponse::kCaughtUp;
constexpr int kDraining = v1::SubscribeResponse::kDraining;

// A stream of the group and its client, which reads unless it is stalled.
struct Stream {
  std::shared_ptr<fakes::FakeSink> sink = std::make_shared<fakes::FakeSink>();
  std::shared_ptr<Group> group;
  bool stalled = false;
};

class GroupTest : public testing::Test {
 protected:
  GroupTest() {
    kafka_.AddTopic(kTopic, 2);
    options_.source.group_id = kGroup;
    options_.source.topics = {kTopic};
    options_.stream_id = "the-stream";
    options_.ack_mode = AckMode::kAuto;
    monitor_.Start([](bool) {});
    executor_.Run();
  }
  ~GroupTest() override {
    for (auto& stream : streams_) {
      if (stream->group != nullptr) stream->group->OnGone();
    }
    registry_.Drain(absl::ZeroDuration());
    Run();
    EXPECT_EQ(group().foreign_commits(), 0);
    streams_.clear();
    monitor_.Stop();
    executor_.Stop();
    blocking_.Stop();
  }

  Stream& Start() { return StartWith(options_); }
  Stream& StartWith(const GroupOptions& options) {
    streams_.push_back(std::make_unique<Stream>());
    Stream& stream = *streams_.back();
    stream.group = Group::Make(context_, registry_, options, stream.sink);
    stream.group->Start();
    Run();
    return stream;
  }

  // Runs what is due, with every client that is not stalled reading what it is sent.
  void Run() {
    for (;;) {
      bool ran = executor_.Run() + blocking_.Run() > 0;
      for (auto& stream : streams_) {
        if (stream->stalled || stream->group == nullptr || !stream->sink->FinishWrite()) continue;
        stream->group->OnWritten();
        ran = true;
      }
      if (!ran) return;
    }
  }
  void Advance(absl::Duration by) {
    clock_.Advance(by);
    Run();
  }
  void Read(Stream& stream) {
    stream.stalled = false;
    Run();
  }

  fakes::FakeGroup& group() { return kafka_.Group(kGroup); }
  std::int64_t Committed(int partition) { return group().committed({kTopic, partition}); }
  void Append(int partition, int count) {
    for (int i = 0; i < count; ++i) kafka_.Append(kTopic, partition, DocumentJson(i));
    Run();
  }

  // partition:offset of all events in `messages`, in their order.
  static std::vector<std::string> Places(const std::vector<v1::SubscribeResponse>& messages) {
    std::vector<std::string> places;
    for (const auto& message : messages) {
      for (const auto& event : message.batch().events()) {
        places.push_back(std::to_string(event.partition()) + ":" + std::to_string(event.offset()));
      }
    }
    return places;
  }
  static std::vector<int> Kinds(const std::vector<v1::SubscribeResponse>& messages) {
    std::vector<int> kinds;
    for (const auto& message : messages) kinds.push_back(message.message_case());
    return kinds;
  }
  static ErrorReason CloseReason(const Stream& stream) {
    return GetErrorDetails(*stream.sink->closed()).reason;
  }

  fakes::ManualClock clock_;
  fakes::ManualExecutor executor_{clock_};
  fakes::ManualExecutor blocking_{clock_};
  fakes::FakeKafka kafka_;
  ClusterMonitor monitor_{kafka_, blocking_, clock_, ClusterMonitor::Options()};
  AckRegistry acks_;
  const Context context_{fakes::Schema::Get().catalog,
                         *fakes::Schema::Get().plan,
                         kafka_,
                         kafka_,
                         monitor_,
                         executor_,
                         blocking_,
                         clock_,
                         /*tails=*/nullptr,
                         &acks_};
  GroupRegistry registry_;
  GroupOptions options_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

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
  EXPECT_EQ(Committed(0), 0);
  EXPECT_EQ(group().members(), 0);
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

// ---- Under ACK_MODE_EXPLICIT.

class ExplicitGroupTest : public GroupTest {
 protected:
  ExplicitGroupTest() {
    options_.ack_mode = AckMode::kExplicit;
    options_.member.release_grace = absl::ZeroDuration();
  }

  // Settles, through the registry, as a call of Acknowledge does; the errors.
  std::vector<AckError> Acknowledge(const std::vector<std::string>& tokens) {
    std::vector<AckError> errors;
    bool answered = false;
    acks_.Settle({tokens, {}, {}}, [&](std::vector<AckError> said) {
      errors = std::move(said);
      answered = true;
    });
    Run();
    EXPECT_TRUE(answered);
    return errors;
  }

  struct Event {
    std::string place;
    std::string token;
  };
  static std::vector<Event> Events(const std::vector<v1::SubscribeResponse>& messages) {
    std::vector<Event> events;
    for (const auto& message : messages) {
      for (const auto& event : message.batch().events()) {
        events.push_back({std::to_string(event.partition()) + ":" + std::to_string(event.offset()),
                          event.ack_token()});
      }
    }
    return events;
  }
  static std::string BatchToken(const std::vector<v1::SubscribeResponse>& messages) {
    std::string token;
    for (const auto& message : messages) {
      if (message.has_batch()) token = message.batch().ack_token();
    }
    return token;
  }
};

TEST_F(ExplicitGroupTest, WhatIsNotAcknowledgedComesAgainToTheNextReader) {
  Append(0, 3);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_THAT(Acknowledge({events[0].token}), IsEmpty());
  stream.group->OnGone();
  Run();
  EXPECT_EQ(Committed(0), 1);
  EXPECT_THAT(Places(Start().sink->Take()), ElementsAre("0:1", "0:2"));
}

TEST_F(ExplicitGroupTest, WhatIsAcknowledgedOutOfOrderDoesNotComeAgain) {
  Append(0, 4);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  EXPECT_THAT(Acknowledge({events[1].token, events[3].token}), IsEmpty());
  EXPECT_EQ(Committed(0), 0);
  stream.group->OnGone();
  Run();
  EXPECT_THAT(Places(Start().sink->Take()), ElementsAre("0:0", "0:2"));
}

TEST_F(ExplicitGroupTest, ABatchsTokenSettlesItAndTheIntervalCommits) {
  Append(0, 4);
  Stream& stream = Start();
  EXPECT_THAT(Acknowledge({BatchToken(stream.sink->Take())}), IsEmpty());
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 4);
}

TEST_F(ExplicitGroupTest, UnderAutoThereAreNoTokens) {
  options_.ack_mode = AckMode::kAuto;
  Append(0, 1);
  const auto messages = Start().sink->Take();
  EXPECT_EQ(Events(messages).at(0).token, "");
  EXPECT_EQ(BatchToken(messages), "");
}

TEST_F(ExplicitGroupTest, ReadingStopsAtTheMostOutstandingAndGoesOn) {
  options_.settling.max_events = 2;
  Append(0, 5);
  Stream& stream = Start();
  auto events = Events(stream.sink->Take());
  ASSERT_THAT(events, SizeIs(2));
  Acknowledge({events[0].token, events[1].token});
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:2", "0:3"));
}

TEST_F(ExplicitGroupTest, AnEventThatIsNotAcknowledgedInTimeEndsTheStream) {
  Append(0, 2);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  Acknowledge({events[0].token});
  Advance(absl::Minutes(29));
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  Advance(absl::Minutes(1));
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_ACK_TIMEOUT);
  EXPECT_EQ(group().members(), 0);
  EXPECT_EQ(Committed(0), 1);
}

TEST_F(ExplicitGroupTest, HeartbeatsSayHowLongTheOldestHasWaited) {
  Append(0, 1);
  Stream& stream = Start();
  const auto token = BatchToken(stream.sink->Take());
  Advance(absl::Seconds(15));
  auto messages = stream.sink->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kHeartbeat));
  EXPECT_EQ(messages[0].heartbeat().oldest_unacknowledged().seconds(), 15);
  Acknowledge({token});
  Advance(absl::Seconds(15));
  EXPECT_FALSE(stream.sink->Take().at(0).heartbeat().has_oldest_unacknowledged());
}

TEST_F(ExplicitGroupTest, TokensOfAStreamThatIsGoneAreNotOwned) {
  Append(0, 1);
  Stream& stream = Start();
  const auto token = BatchToken(stream.sink->Take());
  stream.group->OnGone();
  Run();
  EXPECT_EQ(Acknowledge({token}).at(0).reason, v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED);
}

// With an eager assignor every join takes every partition from everybody.
TEST_F(ExplicitGroupTest, AJoinRedeliversOnlyWhatMoves) {
  Append(0, 2);
  Append(1, 2);
  Stream& first = Start();
  const auto before = Events(first.sink->Take());
  ASSERT_THAT(before, SizeIs(4));
  Stream& second = Start();
  const auto moved = Places(second.sink->Take());
  EXPECT_THAT(moved, SizeIs(2));
  EXPECT_THAT(Places(first.sink->Take()), IsEmpty()) << "what it keeps is with its client already";
  for (const auto& event : before) {
    const bool went = event.place.substr(0, 1) == moved[0].substr(0, 1);
    EXPECT_THAT(Acknowledge({event.token}), SizeIs(went ? 1 : 0)) << event.place;
  }
}

TEST_F(ExplicitGroupTest, WhatIsSettledDuringARebalanceIsCommittedAfterIt) {
  Append(0, 2);
  Append(1, 2);
  Stream& first = Start();
  const auto events = Events(first.sink->Take());
  Stream& guest = Start();
  guest.group->OnGone();
  executor_.Run();  // The partitions are on their way back: their starts are being looked up.
  std::vector<std::string> tokens;
  for (const auto& event : events) tokens.push_back(event.token);
  const auto errors = Acknowledge(tokens);
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0) + Committed(1), 4 - static_cast<int>(errors.size()));
}

// One terminal can receive, then acknowledge.
TEST_F(ExplicitGroupTest, ABoundedReadEndsAndItsMemberStaysUntilAllIsSettled) {
  Append(0, 3);
  options_.reader.max_events = 2;
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  ASSERT_TRUE(stream.sink->closed().has_value());
  EXPECT_TRUE(stream.sink->closed()->ok());
  stream.group->OnGone();  // As gRPC tells once the call is done.
  stream.group = nullptr;
  Run();
  EXPECT_EQ(group().members(), 1);
  EXPECT_THAT(Acknowledge({events[0].token}), IsEmpty());
  EXPECT_EQ(group().members(), 1);
  EXPECT_THAT(Acknowledge({events[1].token}), IsEmpty());
  EXPECT_EQ(group().members(), 0);
  EXPECT_EQ(Committed(0), 2);
  streams_.clear();
}

TEST_F(ExplicitGroupTest, AMemberWhoseReadEndedDoesNotStayForEver) {
  Append(0, 2);
  options_.reader.max_events = 2;
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  Acknowledge({events[0].token});
  Advance(Group::kLinger);
  EXPECT_EQ(group().members(), 0);
  EXPECT_EQ(Committed(0), 1);
  EXPECT_EQ(Acknowledge({events[1].token}).at(0).reason, v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED);
}

TEST_F(ExplicitGroupTest, ADrainWaitsForWhatIsWithTheClient) {
  Append(0, 2);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  stream.group->Drain(absl::Seconds(25));
  Advance(absl::Seconds(5));
  EXPECT_THAT(Kinds(stream.sink->Take()), ElementsAre(kDraining));
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  EXPECT_THAT(Acknowledge({events[0].token, events[1].token}), IsEmpty());
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(Committed(0), 2);
}

TEST_F(ExplicitGroupTest, ADrainDoesNotWaitForEver) {
  Append(0, 2);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  stream.group->Drain(absl::Seconds(25));
  Acknowledge({events[1].token});
  Advance(absl::Seconds(19));
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_THAT(Places(Start().sink->Take()), ElementsAre("0:0"));
}

TEST_F(ExplicitGroupTest, AMemberThatLingersIsDrained) {
  Append(0, 1);
  options_.reader.max_events = 1;
  Start();
  registry_.Drain(absl::Seconds(4));
  Run();
  EXPECT_EQ(group().members(), 1);
  Advance(absl::Seconds(3));
  EXPECT_EQ(group().members(), 0);
}

TEST_F(ExplicitGroupTest, FilteredRecordsAreCommittedAndCostNoWindow) {
  options_.settling.max_events = 1;
  options_.reader.filter = *Filter::Parse({"document.indexed"}, fakes::Schema::Get().catalog);
  Stream& stream = Start();
  Append(0, 5);
  Advance(absl::Seconds(1));
  EXPECT_THAT(Places(stream.sink->Take()), IsEmpty());
  EXPECT_EQ(Committed(0), 5);
}

// Streams that come, go, are lost and drained, acknowledgements in any order, under random
// schedules: what was accepted while no rebalance was under way never comes again, and everything
// is accepted in the end.
TEST_F(ExplicitGroupTest, WhatWasAcceptedNeverComesAgainUnderRandomSchedules) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    options_.source.group_id = absl::StrCat("group-", seed);
    options_.reader.batch.max_events = 1 + static_cast<int>(random() % 5);
    options_.settling.max_events = 1 + static_cast<int>(random() % 40);
    std::set<std::string> accepted;
    std::vector<Event> with_clients;
    const auto settle = [&](std::size_t which) {
      const Event event = with_clients[which];
      with_clients.erase(with_clients.begin() + static_cast<std::ptrdiff_t>(which));
      if (Acknowledge({event.token}).empty()) accepted.insert(event.place);
    };
    const auto receive = [&] {
      for (auto& stream : streams_) {
        for (const Event& event : Events(stream->sink->Take())) {
          EXPECT_FALSE(accepted.contains(event.place)) << "seed " << seed << ": " << event.place;
          with_clients.push_back(event);
        }
      }
    };
    for (int step = 0; step < 120; ++step) {
      const auto what = random() % 10;
      if (what < 2) {
        Append(static_cast<int>(random() % 2), 1 + static_cast<int>(random() % 4));
      } else if (what == 2 && streams_.size() < 4) {
        Start();
      } else if (what == 3 && !streams_.empty()) {
        const auto which = static_cast<std::ptrdiff_t>(random() % streams_.size());
        streams_[static_cast<std::size_t>(which)]->group->OnGone();
        Run();
        streams_.erase(streams_.begin() + which);
      } else if (what == 4) {
        Advance(absl::Seconds(1));
      } else if (what == 5 && !streams_.empty()) {
        Stream& stream = *streams_[random() % streams_.size()];
        stream.stalled = !stream.stalled;
        Run();
      } else if (!with_clients.empty()) {
        settle(random() % with_clients.size());
      }
      receive();
    }
    for (auto& stream : streams_) stream->stalled = false;
    Start();
    receive();
    while (!with_clients.empty()) {
      settle(with_clients.size() - 1);
      receive();
    }
    Advance(absl::Seconds(1));
    for (int partition : {0, 1}) {
      const std::int64_t end = kafka_.End(kTopic, partition);
      EXPECT_EQ(kafka_.Group(options_.source.group_id).committed({kTopic, partition}), end)
          << "seed " << seed;
      for (std::int64_t offset = 0; offset < end; ++offset) {
        EXPECT_TRUE(accepted.contains(absl::StrCat(partition, ":", offset))) << "seed " << seed;
      }
    }
    for (auto& stream : streams_) stream->group->OnGone();
    Run();
    streams_.clear();
  }
}

// Another member's commit, under AUTO or a legacy one's, drops what was settled out of order.
TEST_F(ExplicitGroupTest, ACommitWithoutMetadataLeavesThePrefixAlone) {
  Append(0, 3);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  Acknowledge({events[1].token});
  stream.group->OnGone();
  Run();
  group().SetCommitted({kTopic, 0}, 0);
  EXPECT_THAT(Places(Start().sink->Take()), ElementsAre("0:0", "0:1", "0:2"));
}

}  // namespace
}  // namespace eventbus::bus
