#include "server/bus/tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/error.h"
#include "server/bus/tail_hub.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/fake_sink.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {
namespace {

using fakes::DocumentJson;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kTopic[] = "document-events";
constexpr int kWindowChunks = 8;

class TailTest : public testing::Test {
 protected:
  TailTest() {
    kafka_.AddTopic(kTopic, 2);
    options_.stream_id = "the-stream";
    options_.source.client_id = "the-client";
    monitor_.Start([](bool) {});
    executor_.Run();
  }
  ~TailTest() override {
    if (tail_ != nullptr) tail_->OnGone();
    executor_.Run();
    monitor_.Stop();
    executor_.Stop();
    blocking_.Stop();
  }

  static TailHubOptions HubOptions() {
    TailHubOptions options;
    options.reader.window.max_chunks = kWindowChunks;
    options.max_catching_up = 1;
    return options;
  }

  void Start() {
    tail_ = Tail::Make(context_, options_, sink_);
    tail_->Start();
    Run();
  }

  // Runs what is due, with the client reading whatever it is sent.
  void Run() {
    for (;;) {
      const bool ran = executor_.Run() + blocking_.Run() > 0;
      if (sink_->FinishWrite()) {
        tail_->OnWritten();
      } else if (!ran) {
        return;
      }
    }
  }
  // The same, with a client that does not read.
  void RunStalled() {
    while (executor_.Run() + blocking_.Run() > 0) {
    }
  }
  void Advance(absl::Duration by) {
    clock_.Advance(by);
    Run();
  }

  // With a client that reads nothing, not even Started.
  void StartStalled(bus::Start start) {
    options_.source.start = std::move(start);
    tail_ = Tail::Make(context_, options_, sink_);
    tail_->Start();
    RunStalled();
  }
  // The client reads what it is sent from now on.
  void FinishWrites() {
    if (sink_->FinishWrite()) tail_->OnWritten();
    Run();
  }
  void StartEarliest() {
    options_.source.start = Earliest{};
    Start();
  }

  // The offsets of all events in `messages`.
  static std::vector<std::int64_t> Offsets(const std::vector<v1::SubscribeResponse>& messages) {
    std::vector<std::int64_t> offsets;
    for (const auto& message : messages) {
      for (const auto& event : message.batch().events()) offsets.push_back(event.offset());
    }
    return offsets;
  }
  static std::vector<int> Kinds(const std::vector<v1::SubscribeResponse>& messages) {
    std::vector<int> kinds;
    for (const auto& message : messages) kinds.push_back(message.message_case());
    return kinds;
  }
  static std::int64_t Resumes(const std::string& token, int partition) {
    return ParseResumeToken(token)->positions.at({kTopic, partition});
  }
  ErrorReason CloseReason() const { return GetErrorDetails(*sink_->closed()).reason; }

  fakes::ManualClock clock_;
  fakes::ManualExecutor executor_{clock_};
  fakes::ManualExecutor blocking_{clock_};
  fakes::FakeKafka kafka_;
  ClusterMonitor monitor_{kafka_, blocking_, clock_, ClusterMonitor::Options()};
  TailHub hub_{
      *fakes::Schema::Get().plan, kafka_, monitor_, executor_, blocking_, clock_, HubOptions()};
  const Context context_{fakes::Schema::Get().catalog,
                         *fakes::Schema::Get().plan,
                         kafka_,
                         kafka_,
                         monitor_,
                         executor_,
                         blocking_,
                         clock_,
                         &hub_};
  TailOptions options_;
  std::shared_ptr<fakes::FakeSink> sink_ = std::make_shared<fakes::FakeSink>();
  std::shared_ptr<Tail> tail_;
};

constexpr int kStarted = v1::SubscribeResponse::kStarted;
constexpr int kBatch = v1::SubscribeResponse::kBatch;
constexpr int kHeartbeat = v1::SubscribeResponse::kHeartbeat;
constexpr int kGap = v1::SubscribeResponse::kGap;
constexpr int kCaughtUp = v1::SubscribeResponse::kCaughtUp;
constexpr int kDraining = v1::SubscribeResponse::kDraining;

TEST_F(TailTest, StartedComesFirstThenEventsThenCaughtUpOnce) {
  kafka_.Append(kTopic, 0, DocumentJson(1));
  StartEarliest();
  const auto messages = sink_->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kStarted, kBatch, kCaughtUp));
  EXPECT_EQ(messages[0].started().stream_id(), "the-stream");
  ASSERT_EQ(messages[0].started().assigned_size(), 2);
  EXPECT_EQ(messages[0].started().assigned(0).topic(), kTopic);
  kafka_.Append(kTopic, 0, DocumentJson(2));
  Run();
  EXPECT_THAT(Kinds(sink_->Take()), ElementsAre(kBatch));
}

TEST_F(TailTest, AnEventComesTypedWithItsPlaceKeyTimeAndHeaders) {
  fakes::StoredRecord record;
  record.key = "the-key";
  record.value = DocumentJson(1);
  record.headers = {{"h", "v"}};
  kafka_.AppendRecord(kTopic, 1, record);
  StartEarliest();
  const v1::ReceivedEvent event = sink_->Take().at(1).batch().events(0);
  EXPECT_EQ(event.event().document().payload().filename(), "f1");
  EXPECT_EQ(event.event_type(), "document.uploaded");
  EXPECT_EQ(event.event_id(), event.event().document().event_id());
  EXPECT_EQ(event.topic(), kTopic);
  EXPECT_EQ(event.partition(), 1);
  EXPECT_EQ(event.offset(), 0);
  EXPECT_EQ(event.ordering_key(), "the-key");
  EXPECT_EQ(event.record_time().seconds(), 1'700'000'000);
  ASSERT_EQ(event.headers_size(), 1);
  EXPECT_EQ(event.headers(0).key(), "h");
  EXPECT_EQ(event.json(), "");
}

TEST_F(TailTest, JsonComesWhereItIsAskedFor) {
  kafka_.Append(kTopic, 0, DocumentJson(1));
  options_.reader.include_json = true;
  StartEarliest();
  EXPECT_EQ(sink_->Take().at(1).batch().events(0).json(), DocumentJson(1));
}

TEST_F(TailTest, LatestSeesOnlyWhatComesAfterStarted) {
  kafka_.Append(kTopic, 0, DocumentJson(1));
  Start();
  EXPECT_THAT(Kinds(sink_->Take()), ElementsAre(kStarted, kCaughtUp));
  kafka_.Append(kTopic, 0, DocumentJson(2));
  Run();
  EXPECT_THAT(Offsets(sink_->Take()), ElementsAre(1));
}

TEST_F(TailTest, AnUndecodableRecordIsDeliveredAsOne) {
  kafka_.Append(kTopic, 0, "not json");
  options_.reader.filter =
      Filter::Parse({"document.uploaded"}, fakes::Schema::Get().catalog).value();
  StartEarliest();
  const auto event = sink_->Take().at(1).batch().events(0);
  EXPECT_EQ(event.undecodable().value(), "not json");
  EXPECT_EQ(event.undecodable().reason(), v1::UNDECODABLE_REASON_INVALID_JSON);
}

TEST_F(TailTest, FilteredEventsAreSkippedAndTheTokenMovesPastThem) {
  kafka_.Append(kTopic, 0, DocumentJson(1, "document.error"));
  kafka_.Append(kTopic, 0, DocumentJson(2, "document.uploaded"));
  kafka_.Append(kTopic, 0, DocumentJson(3, "document.error"));
  options_.reader.filter =
      Filter::Parse({"document.uploaded"}, fakes::Schema::Get().catalog).value();
  StartEarliest();
  const auto messages = sink_->Take();
  EXPECT_THAT(Offsets(messages), ElementsAre(1));
  EXPECT_EQ(Resumes(messages.back().caught_up().resume_token(), 0), 3);
}

TEST_F(TailTest, BatchesHoldAtMostMaxBatchEvents) {
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  options_.reader.batch.max_events = 2;
  StartEarliest();
  std::vector<int> sizes;
  for (const auto& message : sink_->Take()) {
    if (message.has_batch()) sizes.push_back(message.batch().events_size());
  }
  EXPECT_THAT(sizes, ElementsAre(2, 2, 1));
}

TEST_F(TailTest, ABusyStreamGetsWhateverIsReadyInOneMessage) {
  Start();
  sink_->Take();
  kafka_.Append(kTopic, 0, DocumentJson(0));
  RunStalled();  // One event is being written.
  for (int i = 1; i < 4; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  RunStalled();
  EXPECT_EQ(sink_->Take().size(), 1u);
  Run();
  const auto messages = sink_->Take();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].batch().events_size(), 3);
}

TEST_F(TailTest, AClientThatDoesNotReadIsReadForNoFurtherThanOneBatch) {
  options_.reader.batch.max_events = 10;
  Start();
  sink_->Take();
  for (int i = 0; i < 1000; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  RunStalled();
  EXPECT_EQ(Offsets(sink_->Take()).size(), 10u);
  RunStalled();
  sink_->FinishWrite();
  tail_->OnWritten();
  RunStalled();
  EXPECT_EQ(Offsets(sink_->Take()).size(), 10u);
}

TEST_F(TailTest, EveryEventComesOnceAndInOrderAcrossBatches) {
  for (int i = 0; i < 2500; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  options_.reader.batch.max_events = 7;
  StartEarliest();
  const auto offsets = Offsets(sink_->Take());
  ASSERT_EQ(offsets.size(), 2500u);
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    EXPECT_EQ(offsets[i], static_cast<std::int64_t>(i));
  }
}

TEST_F(TailTest, HeartbeatsComeAtTheirIntervalWithLagAndToken) {
  Start();
  sink_->Take();
  Advance(absl::Seconds(14));
  EXPECT_THAT(sink_->Take(), IsEmpty());
  Advance(absl::Seconds(1));
  const auto messages = sink_->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kHeartbeat));
  EXPECT_EQ(messages[0].heartbeat().lags_size(), 2);
  EXPECT_EQ(messages[0].heartbeat().lags(0).lag(), 0);
  EXPECT_EQ(Resumes(messages[0].heartbeat().resume_token(), 0), 0);
}

TEST_F(TailTest, WhileEventsFlowAHeartbeatComesEachSecond) {
  Start();
  kafka_.Append(kTopic, 0, DocumentJson(1));
  Run();
  sink_->Take();
  Advance(absl::Seconds(1));
  const auto messages = sink_->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kHeartbeat));
  EXPECT_EQ(Resumes(messages[0].heartbeat().resume_token(), 0), 1);
  Advance(absl::Seconds(5));
  EXPECT_THAT(sink_->Take(), IsEmpty());
}

TEST_F(TailTest, AResumeTokenLeadsToWhatComesNext) {
  for (int i = 0; i < 3; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  options_.source.start = ResumeToken{"fake-cluster", {{{kTopic, 0}, 2}, {{kTopic, 1}, 0}}};
  Start();
  EXPECT_THAT(Offsets(sink_->Take()), ElementsAre(2));
}

TEST_F(TailTest, TheTokenOfAHeartbeatDoesNotCountWhatWaitsToBeWritten) {
  options_.reader.batch.max_events = 1;
  for (int i = 0; i < 3; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  options_.source.start = Earliest{};
  tail_ = Tail::Make(context_, options_, sink_);
  tail_->Start();
  RunStalled();  // Started is being written; one event waits.
  clock_.Advance(absl::Seconds(15));
  sink_->FinishWrite();
  tail_->OnWritten();
  RunStalled();
  const auto messages = sink_->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kStarted, kHeartbeat));
  EXPECT_EQ(Resumes(messages[1].heartbeat().resume_token(), 0), 0);
}

TEST_F(TailTest, MaxEventsEndsWithOkAndALastToken) {
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  options_.reader.max_events = 3;
  StartEarliest();
  const auto messages = sink_->Take();
  EXPECT_THAT(Offsets(messages), ElementsAre(0, 1, 2));
  EXPECT_EQ(*sink_->closed(), absl::OkStatus());
  EXPECT_EQ(Resumes(messages.back().heartbeat().resume_token(), 0), 3);
}

TEST_F(TailTest, StopAtEndEndsWithOkAtTheEndsSeenAtTheStart) {
  kafka_.Append(kTopic, 0, DocumentJson(0));
  kafka_.AppendControl(kTopic, 1);
  options_.reader.stop_at_end = true;
  options_.source.start = Earliest{};
  tail_ = Tail::Make(context_, options_, sink_);
  tail_->Start();
  blocking_.Run();  // Positions are fixed.
  kafka_.Append(kTopic, 0, DocumentJson(1));
  Run();
  const auto messages = sink_->Take();
  EXPECT_THAT(Offsets(messages), ElementsAre(0));
  EXPECT_EQ(*sink_->closed(), absl::OkStatus());
  EXPECT_THAT(Kinds(messages), ElementsAre(kStarted, kBatch, kCaughtUp, kHeartbeat));
  EXPECT_EQ(Resumes(messages.back().heartbeat().resume_token(), 0), 1);
}

TEST_F(TailTest, StopAtEndOfEmptyTopicsEndsAtOnce) {
  options_.reader.stop_at_end = true;
  StartEarliest();
  EXPECT_EQ(*sink_->closed(), absl::OkStatus());
  EXPECT_THAT(Kinds(sink_->Take()), ElementsAre(kStarted, kCaughtUp, kHeartbeat));
}

TEST_F(TailTest, APositionThatRetentionTookIsAGapThenOutOfRange) {
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  kafka_.Truncate(kTopic, 0, 4);
  options_.source.start = ResumeToken{"fake-cluster", {{{kTopic, 0}, 2}}};
  Start();
  const auto messages = sink_->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kStarted, kGap, kHeartbeat));
  EXPECT_EQ(messages[1].gap().first_offset(), 2);
  EXPECT_EQ(messages[1].gap().next_offset(), 4);
  EXPECT_EQ(messages[1].gap().cause(), v1::GAP_CAUSE_RETENTION);
  EXPECT_TRUE(absl::IsOutOfRange(*sink_->closed()));
  EXPECT_EQ(CloseReason(), v1::ERROR_REASON_RESUME_POSITION_EXPIRED);
}

TEST_F(TailTest, RetentionThatOvertakesAReaderIsAGapToo) {
  options_.reader.batch.max_events = 1;
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  StartStalled(Earliest{});
  kafka_.Truncate(kTopic, 0, 4);
  Run();
  const auto messages = sink_->Take();
  EXPECT_EQ(messages[messages.size() - 2].gap().next_offset(), 4);
  EXPECT_EQ(CloseReason(), v1::ERROR_REASON_RESUME_POSITION_EXPIRED);
}

TEST_F(TailTest, APositionLostDuringAnOutageIsLookedUpWhenItIsOver) {
  options_.reader.batch.max_events = 1;
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  StartStalled(Earliest{});
  kafka_.Truncate(kTopic, 0, 4);
  kafka_.SetError(MakeError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  Run();
  Advance(absl::Seconds(2));
  EXPECT_FALSE(sink_->closed().has_value());
  kafka_.SetError(absl::OkStatus());
  Advance(absl::Seconds(1));
  const auto messages = sink_->Take();
  EXPECT_EQ(messages[messages.size() - 2].gap().next_offset(), 4);
  EXPECT_EQ(CloseReason(), v1::ERROR_REASON_RESUME_POSITION_EXPIRED);
}

TEST_F(TailTest, APartitionThatAppearsLaterIsReadFromItsBeginning) {
  Start();
  sink_->Take();
  kafka_.AddTopic(kTopic, 3);
  kafka_.Append(kTopic, 2, DocumentJson(9));
  Advance(absl::Seconds(2));
  tail_->Wake();
  Run();
  const auto messages = sink_->Take();
  ASSERT_THAT(Offsets(messages), ElementsAre(0));
  EXPECT_EQ(messages[0].batch().events(0).partition(), 2);
}

TEST_F(TailTest, ATopicThatAppearsLaterIsReadWhereNoneIsNamed) {
  Start();
  sink_->Take();
  kafka_.AddTopic("meeting-events", 1);
  kafka_.Append("meeting-events", 0, "{}");
  Advance(absl::Seconds(2));
  tail_->Wake();
  Run();
  EXPECT_EQ(sink_->Take().at(0).batch().events(0).topic(), "meeting-events");
}

TEST_F(TailTest, DrainDropsWhatIsUnwrittenAndTellsWhereToResume) {
  options_.reader.batch.max_events = 1;
  Start();
  sink_->Take();
  for (int i = 0; i < 3; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  RunStalled();
  tail_->Drain(absl::Seconds(25));
  RunStalled();
  const auto messages = sink_->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kBatch, kDraining, kHeartbeat));
  EXPECT_EQ(messages[1].draining().remaining().seconds(), 25);
  EXPECT_EQ(Resumes(messages[2].heartbeat().resume_token(), 0), 1);
  EXPECT_TRUE(absl::IsUnavailable(*sink_->closed()));
  EXPECT_EQ(CloseReason(), v1::ERROR_REASON_SERVER_DRAINING);
}

TEST_F(TailTest, AHalfCloseEndsTheStreamWithOkAndTellsWhereToResume) {
  options_.reader.batch.max_events = 1;
  Start();
  sink_->Take();
  for (int i = 0; i < 3; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  RunStalled();
  tail_->OnHalfClose();
  RunStalled();
  const auto messages = sink_->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kBatch, kHeartbeat));
  EXPECT_EQ(Resumes(messages[1].heartbeat().resume_token(), 0), 1);
  EXPECT_TRUE(sink_->closed()->ok());
}

TEST_F(TailTest, DrainBeforePositionsAreFixedEndsTheStream) {
  tail_ = Tail::Make(context_, options_, sink_);
  tail_->Start();
  tail_->Drain(absl::Seconds(1));
  executor_.Run();
  EXPECT_EQ(CloseReason(), v1::ERROR_REASON_SERVER_DRAINING);
  Run();
  EXPECT_EQ(kafka_.live_consumers("the-client"), 0);
}

TEST_F(TailTest, AReaderStalledForAMinuteIsEnded) {
  options_.reader.batch.max_events = 1;
  Start();
  sink_->Take();
  for (int i = 0; i < 3; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  RunStalled();
  clock_.Advance(absl::Seconds(59));
  RunStalled();
  EXPECT_FALSE(sink_->closed().has_value());
  clock_.Advance(absl::Seconds(1));
  RunStalled();
  EXPECT_TRUE(absl::IsResourceExhausted(*sink_->closed()));
  EXPECT_EQ(CloseReason(), v1::ERROR_REASON_SUBSCRIBER_TOO_SLOW);
  const auto messages = sink_->Take();
  EXPECT_EQ(Resumes(messages.back().heartbeat().resume_token(), 0), 1);
}

TEST_F(TailTest, WhenTheClientIsGoneItsConsumerGoesAtOnceAndTheSharedOneAfterAWhile) {
  options_.reader.batch.max_events = 1;
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  StartStalled(Earliest{});
  EXPECT_EQ(kafka_.live_consumers("the-client"), 1);
  const int shared = kafka_.live_consumers() - 1;
  tail_->OnGone();
  RunStalled();
  EXPECT_EQ(kafka_.live_consumers("the-client"), 0);
  clock_.Advance(absl::Seconds(5));
  RunStalled();
  EXPECT_EQ(kafka_.live_consumers(), shared - 1);  // The one for look-ups stays.
}

TEST_F(TailTest, NothingButItsStreamKeepsIt) {
  options_.reader.batch.max_events = 1;
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  StartStalled(Earliest{});
  EXPECT_EQ(kafka_.live_consumers("the-client"), 1);
  tail_->Wake();  // A run that is never begun, as at the end of the process.
  const std::weak_ptr<Tail> weak = tail_;
  tail_ = nullptr;
  EXPECT_TRUE(weak.expired());
  EXPECT_EQ(kafka_.live_consumers("the-client"), 0);
}

TEST_F(TailTest, AConsumersErrorEndsTheStreamAfterWhatWasRead) {
  Start();
  sink_->Take();
  kafka_.Append(kTopic, 0, DocumentJson(1));
  kafka_.FailConsumers(MakeError(v1::ERROR_REASON_SUBSCRIBE_DENIED, "denied"));
  Run();
  EXPECT_EQ(CloseReason(), v1::ERROR_REASON_SUBSCRIBE_DENIED);
}

TEST_F(TailTest, AnOutageIsOutlived) {
  Start();
  sink_->Take();
  kafka_.SetError(MakeError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  Advance(absl::Seconds(15));
  EXPECT_THAT(Kinds(sink_->Take()), ElementsAre(kHeartbeat));
  EXPECT_FALSE(sink_->closed().has_value());
}

TEST_F(TailTest, LatestNeedsNoConsumerOfItsOwn) {
  kafka_.Append(kTopic, 0, DocumentJson(1));
  Start();
  kafka_.Append(kTopic, 0, DocumentJson(2));
  Run();
  EXPECT_THAT(Offsets(sink_->Take()), ElementsAre(1));
  EXPECT_EQ(kafka_.live_consumers("the-client"), 0);
  EXPECT_EQ(hub_.joins(), 1);
}

TEST_F(TailTest, OnceItHasCaughtUpItJoinsAndItsConsumerGoes) {
  options_.reader.batch.max_events = 2;
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  StartStalled(Earliest{});
  EXPECT_EQ(kafka_.live_consumers("the-client"), 1);
  EXPECT_EQ(hub_.joins(), 0);
  FinishWrites();
  EXPECT_EQ(kafka_.live_consumers("the-client"), 0);
  EXPECT_EQ(hub_.joins(), 1);
  kafka_.Append(kTopic, 0, DocumentJson(5));
  Run();
  EXPECT_THAT(Offsets(sink_->Take()), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST_F(TailTest, OneThatFallsOutOfTheWindowCatchesUpAndJoinsAgain) {
  options_.reader.batch.max_events = 1;
  Start();
  std::vector<std::int64_t> expected;
  for (int i = 0; i < kWindowChunks + 10; ++i) {
    kafka_.Append(kTopic, 0, DocumentJson(i));
    RunStalled();
    expected.push_back(i);
  }
  FinishWrites();
  EXPECT_EQ(hub_.leaves(), 1);
  EXPECT_EQ(hub_.joins(), 2);
  EXPECT_EQ(kafka_.live_consumers("the-client"), 0);
  kafka_.Append(kTopic, 0, DocumentJson(99));
  Run();
  expected.push_back(kWindowChunks + 10);
  EXPECT_EQ(Offsets(sink_->Take()), expected);
}

TEST_F(TailTest, OneThatWaitsForItsTurnToCatchUpGetsHeartbeats) {
  auto taken = hub_.catching_up().Ask([] {});
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  StartEarliest();
  EXPECT_THAT(Kinds(sink_->Take()), ElementsAre(kStarted));
  Advance(absl::Seconds(15));
  const auto messages = sink_->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kHeartbeat));
  EXPECT_EQ(messages[0].heartbeat().lags(0).lag(), 5);
  EXPECT_EQ(Resumes(messages[0].heartbeat().resume_token(), 0), 0);
  taken.reset();
  Run();
  EXPECT_THAT(Offsets(sink_->Take()), ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(TailTest, ItsPlaceAmongThoseWhoCatchUpIsGivenBack) {
  kafka_.Append(kTopic, 0, DocumentJson(1));
  StartEarliest();
  EXPECT_TRUE(hub_.catching_up().Ask([] {})->granted());
}

TEST_F(TailTest, OneWhoseClientDoesNotReadGivesWayAndGoesOnAfterIt) {
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  options_.reader.batch.max_events = 2;
  StartStalled(Earliest{});
  auto other = hub_.catching_up().Ask([] {});
  EXPECT_FALSE(other->granted());
  clock_.Advance(absl::Seconds(10));
  RunStalled();
  EXPECT_TRUE(other->granted());
  EXPECT_EQ(kafka_.live_consumers("the-client"), 0);
  other.reset();
  FinishWrites();
  EXPECT_THAT(Offsets(sink_->Take()), ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(TailTest, OneThatGaveWayIsEndedLikeAnyThatStalls) {
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  options_.reader.batch.max_events = 2;
  StartStalled(Earliest{});
  clock_.Advance(absl::Seconds(10));
  RunStalled();
  clock_.Advance(absl::Seconds(50));
  RunStalled();
  EXPECT_EQ(CloseReason(), v1::ERROR_REASON_SUBSCRIBER_TOO_SLOW);
  EXPECT_EQ(Resumes(sink_->Take().back().heartbeat().resume_token(), 0), 0);
}

TEST_F(TailTest, ATopicMadeAnewIsAGapForOneThatHadJoined) {
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  Start();
  sink_->Take();
  kafka_.Recreate(kTopic);
  Run();
  Advance(absl::Seconds(2));
  const auto messages = sink_->Take();
  ASSERT_GE(messages.size(), 2u);
  EXPECT_EQ(messages[messages.size() - 2].gap().cause(), v1::GAP_CAUSE_PAST_END);
  EXPECT_EQ(CloseReason(), v1::ERROR_REASON_RESUME_POSITION_EXPIRED);
}

TEST_F(TailTest, AnErrorOfTheSharedReaderAloneIsNotSeen) {
  Start();
  kafka_.FailConsumers(MakeError(v1::ERROR_REASON_INTERNAL, "dead"));
  executor_.Run();  // The shared one has told of it, and the tail is about to read on its own.
  kafka_.FailConsumers(absl::OkStatus());
  kafka_.Append(kTopic, 0, DocumentJson(1));
  Run();
  EXPECT_THAT(Offsets(sink_->Take()), ElementsAre(0));
  EXPECT_EQ(kafka_.live_consumers("the-client"), 1);
  Advance(absl::Seconds(1));  // It is read again.
  EXPECT_EQ(kafka_.live_consumers("the-client"), 0);
  kafka_.Append(kTopic, 0, DocumentJson(2));
  Run();
  EXPECT_THAT(Offsets(sink_->Take()), ElementsAre(1));
}

TEST_F(TailTest, TopicsJoinOneByOneAndMeetInOneBatch) {
  kafka_.AddTopic("meeting-events", 1);
  Start();
  sink_->Take();
  kafka_.Append(kTopic, 0, DocumentJson(0));
  RunStalled();
  kafka_.Append(kTopic, 0, DocumentJson(1));
  kafka_.Append("meeting-events", 0, "{}");
  RunStalled();
  sink_->Take();
  Run();
  const auto messages = sink_->Take();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].batch().events_size(), 2);
}

TEST_F(TailTest, ATopicThatIsMissingEndsTheStreamBeforeStarted) {
  options_.source.topics = {"tutor-queries"};
  Start();
  EXPECT_THAT(sink_->Take(), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(*sink_->closed()));
}

}  // namespace
}  // namespace eventbus::bus
