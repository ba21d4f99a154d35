#include "server/bus/publish_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "server/base/error.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/fake_publish_sink.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;

class PublishStreamTest : public testing::Test {
 protected:
  PublishStreamTest() {
    options_.kafka_answers = [this] { return kafka_answers_; };
  }
  ~PublishStreamTest() override {
    if (stream_ != nullptr) stream_->OnGone();
  }

  void Start() {
    stream_ = PublishStream::Make(publisher_, executor_, clock_, options_, sink_);
    stream_->Start();
  }

  // The client sends the documents `first` to `last` in one message.
  void Send(int first, int last) {
    v1::PublishStreamRequest message;
    for (int i = first; i <= last; ++i) message.add_requests()->set_json(fakes::DocumentJson(i));
    SendBytes(message.SerializeAsString());
  }
  void SendBytes(std::string message) {
    ASSERT_TRUE(sink_->TakeRead());
    const auto bytes = std::make_shared<const std::string>(std::move(message));
    stream_->OnMessage(*bytes, bytes);
    executor_.Run();
  }
  void HalfClose() {
    ASSERT_TRUE(sink_->TakeRead());
    stream_->OnHalfClose();
    executor_.Run();
  }
  // The client reads all there is.
  void ReadAll() {
    while (sink_->FinishWrite()) {
      stream_->OnWritten();
      executor_.Run();
    }
  }
  void Deliver(std::int64_t offset) {
    kafka_.Deliver(kafka::Position{0, offset});
    executor_.Run();
  }
  void Advance(absl::Duration by) {
    clock_.Advance(by);
    executor_.Run();
  }
  void Drain() {
    stream_->Drain(absl::Seconds(20));
    executor_.Run();
  }
  void FillQueue() { kafka_.SetProduceError(full_); }
  void EmptyQueue() { kafka_.SetProduceError(absl::OkStatus()); }

  // The number in each record's file name, in the order of the log.
  std::vector<std::string> Written() const {
    std::vector<std::string> written;
    for (const kafka::OutgoingRecord& record : kafka_.produced()) {
      const std::size_t at = record.value->find("\"filename\":\"") + 12;
      written.push_back(record.value->substr(at, record.value->find('"', at) - at));
    }
    return written;
  }
  const v1::PublishResult& Result(std::size_t message, int index) const {
    return sink_->responses().at(message).results(index);
  }
  ErrorReason ReasonOf(std::size_t message, int index) const {
    return Result(message, index).error().reason();
  }
  ErrorReason EndReason() const { return GetErrorDetails(*sink_->closed()).reason; }

  // Lives as long as its copies: the thread sanitizer cannot see Abseil count them.
  const absl::Status full_ = MakeRetryError(v1::ERROR_REASON_PUBLISH_QUEUE_FULL, "full");
  fakes::ManualClock clock_;
  fakes::ManualExecutor executor_{clock_};
  fakes::FakeKafka kafka_;
  Publisher publisher_{*fakes::Schema::Get().plan, kafka_, clock_, PublisherOptions()};
  bool kafka_answers_ = true;
  PublishStreamOptions options_;
  std::shared_ptr<fakes::FakePublishSink> sink_ = std::make_shared<fakes::FakePublishSink>();
  std::shared_ptr<PublishStream> stream_;
};

TEST_F(PublishStreamTest, AMessageIsAnsweredByOneOfItsOwn) {
  Start();
  Send(1, 2);
  Send(3, 3);
  ReadAll();
  ASSERT_EQ(sink_->responses().size(), 2u);
  EXPECT_TRUE(sink_->parsed());
  EXPECT_EQ(Result(0, 1).published().offset(), 1);
  EXPECT_EQ(Result(1, 0).published().offset(), 2);
  EXPECT_FALSE(sink_->closed().has_value());
}

TEST_F(PublishStreamTest, ReadsOnWhileReportsAreUnderWay) {
  kafka_.HoldDeliveries();
  Start();
  for (int i = 0; i < 50; ++i) Send(i, i);
  EXPECT_EQ(kafka_.produced().size(), 50u);
  EXPECT_TRUE(sink_->responses().empty());
  EXPECT_TRUE(sink_->reading());
}

TEST_F(PublishStreamTest, AnswersAreInTheOrderOfMessages) {
  kafka_.HoldDeliveries();
  Start();
  Send(1, 1);
  SendBytes(std::string("\x0a\x00", 2));  // Refused at once, and answered second.
  EXPECT_TRUE(sink_->responses().empty());
  Deliver(7);
  ReadAll();
  ASSERT_EQ(sink_->responses().size(), 2u);
  EXPECT_EQ(Result(0, 0).published().offset(), 7);
  EXPECT_EQ(ReasonOf(1, 0), v1::ERROR_REASON_REQUEST_INVALID);
}

TEST_F(PublishStreamTest, OneWriteIsUnderWayAtATime) {
  Start();
  Send(1, 1);
  Send(2, 2);
  EXPECT_EQ(sink_->responses().size(), 1u);
  ReadAll();
  EXPECT_EQ(sink_->responses().size(), 2u);
}

TEST_F(PublishStreamTest, AFullQueuePausesTheStreamAndNothingIsReordered) {
  Start();
  FillQueue();
  Send(1, 2);
  Send(3, 3);  // Was being read when the queue was found full.
  EXPECT_FALSE(sink_->reading());
  EXPECT_TRUE(kafka_.produced().empty());
  Advance(absl::Milliseconds(5));
  EXPECT_TRUE(kafka_.produced().empty());
  EmptyQueue();
  Advance(absl::Milliseconds(80));
  EXPECT_TRUE(sink_->reading());
  Send(4, 4);
  ReadAll();
  EXPECT_THAT(Written(), ElementsAre("f1", "f2", "f3", "f4"));
  EXPECT_EQ(sink_->responses().size(), 3u);
  EXPECT_TRUE(Result(0, 0).has_published());
}

TEST_F(PublishStreamTest, AMessageThatIsDoneMakesAFullQueueTriedAtOnce) {
  kafka_.HoldDeliveries();
  Start();
  Send(1, 1);
  FillQueue();
  Send(2, 2);
  EmptyQueue();
  Deliver(0);
  EXPECT_THAT(Written(), ElementsAre("f1", "f2"));
}

TEST_F(PublishStreamTest, WhileTheQueueIsFullItIsTriedLessAndLess) {
  Start();
  FillQueue();
  Send(1, 1);
  int tries = 0;
  for (int i = 0; i < 1000; ++i) {
    clock_.Advance(absl::Milliseconds(1));
    tries += executor_.Run() > 0 ? 1 : 0;
  }
  EXPECT_GE(tries, 10);
  EXPECT_LE(tries, 40);  // Two runs a try, every 80 ms in the end.
}

TEST_F(PublishStreamTest, ReadingPausesAtTheBoundOfRequestsUntilAnswersAreRead) {
  options_.max_requests = 4;
  Start();
  Send(1, 2);
  EXPECT_TRUE(sink_->reading());
  Send(3, 5);
  EXPECT_FALSE(sink_->reading());
  sink_->FinishWrite();
  stream_->OnWritten();
  EXPECT_TRUE(sink_->reading());
}

TEST_F(PublishStreamTest, ReadingPausesAtTheBoundOfBytes) {
  options_.max_bytes = 500;
  Start();
  Send(1, 1);
  EXPECT_TRUE(sink_->reading());
  Send(2, 2);
  EXPECT_FALSE(sink_->reading());
  ReadAll();
  EXPECT_TRUE(sink_->reading());
}

TEST_F(PublishStreamTest, HalfCloseEndsWithOkOnceEverythingIsAnswered) {
  kafka_.HoldDeliveries();
  Start();
  Send(1, 1);
  HalfClose();
  Deliver(0);
  EXPECT_FALSE(sink_->closed().has_value());
  ReadAll();
  ASSERT_TRUE(sink_->closed().has_value());
  EXPECT_TRUE(sink_->closed()->ok());
  EXPECT_FALSE(sink_->reading());
}

TEST_F(PublishStreamTest, ABrokenMessageEndsItAfterTheAnswersBefore) {
  kafka_.HoldDeliveries();
  Start();
  Send(1, 1);
  SendBytes("\x0a\x7fx");
  EXPECT_FALSE(sink_->reading());
  EXPECT_FALSE(sink_->closed().has_value());
  Deliver(0);
  ReadAll();
  EXPECT_EQ(sink_->responses().size(), 1u);
  EXPECT_EQ(EndReason(), v1::ERROR_REASON_REQUEST_INVALID);
  EXPECT_EQ(kafka_.produced().size(), 1u);
}

TEST_F(PublishStreamTest, AnEmptyMessageEndsIt) {
  Start();
  SendBytes("");
  EXPECT_EQ(GetErrorDetails(*sink_->closed()).violations.at(0),
            (FieldViolation{"requests", "0 requests, 1 to 1000 are allowed"}));
}

TEST_F(PublishStreamTest, AnIdleOneEndsAtOnceWhenTheServerDrains) {
  Start();
  Drain();
  EXPECT_EQ(EndReason(), v1::ERROR_REASON_SERVER_DRAINING);
}

TEST_F(PublishStreamTest, ADrainWaitsForReportsAndRefusesTheRest) {
  kafka_.HoldDeliveries();
  Start();
  Send(1, 1);
  FillQueue();
  Send(2, 3);
  Drain();
  EmptyQueue();
  EXPECT_FALSE(sink_->closed().has_value());
  Deliver(7);
  ReadAll();
  ASSERT_EQ(sink_->responses().size(), 2u);
  EXPECT_EQ(Result(0, 0).published().offset(), 7);
  EXPECT_EQ(ReasonOf(1, 0), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(ReasonOf(1, 1), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(EndReason(), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_THAT(Written(), ElementsAre("f1"));
}

TEST_F(PublishStreamTest, AMessageThatWasBeingReadWhenTheDrainCameIsRefused) {
  kafka_.HoldDeliveries();
  Start();
  Send(1, 1);
  Drain();
  Send(2, 2);
  EXPECT_FALSE(sink_->reading());
  Deliver(0);
  ReadAll();
  EXPECT_EQ(ReasonOf(1, 0), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(EndReason(), v1::ERROR_REASON_SERVER_DRAINING);
}

TEST_F(PublishStreamTest, AClientThatDoesNotReadItsLastAnswersIsCutOff) {
  kafka_.HoldDeliveries();
  Start();
  Send(1, 1);
  Drain();
  Advance(absl::Seconds(10));
  EXPECT_FALSE(sink_->cut());  // Its answer is Kafka's to give.
  Deliver(0);
  Advance(absl::Seconds(4));
  EXPECT_FALSE(sink_->cut());
  Advance(absl::Seconds(1));
  EXPECT_TRUE(sink_->cut());
}

TEST_F(PublishStreamTest, AtTheDeadlineWhatHasNoReportIsUnknown) {
  kafka_.HoldDeliveries();
  options_.answer_by = clock_.Now() + absl::Seconds(1);
  Start();
  Send(1, 2);
  Deliver(7);
  Advance(absl::Milliseconds(999));
  EXPECT_TRUE(sink_->responses().empty());
  Advance(absl::Milliseconds(1));
  ReadAll();
  EXPECT_EQ(Result(0, 0).published().offset(), 7);
  EXPECT_EQ(ReasonOf(0, 1), v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN);
  EXPECT_EQ(EndReason(), v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN);
  Deliver(8);  // The late report harms nobody.
}

TEST_F(PublishStreamTest, AtTheDeadlineWhatWasNotHandedOnIsNotWritten) {
  kafka_.HoldDeliveries();
  options_.answer_by = clock_.Now() + absl::Seconds(1);
  Start();
  Send(1, 1);
  FillQueue();
  Send(2, 3);
  Advance(absl::Seconds(1));
  ReadAll();
  EXPECT_EQ(ReasonOf(0, 0), v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN);
  EXPECT_EQ(ReasonOf(1, 0), v1::ERROR_REASON_PUBLISH_QUEUE_FULL);
  EXPECT_EQ(ReasonOf(1, 1), v1::ERROR_REASON_PUBLISH_QUEUE_FULL);
  EXPECT_EQ(EndReason(), v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN);
}

TEST_F(PublishStreamTest, AQueueThatIsFullBecauseKafkaIsAwaySaysSo) {
  kafka_answers_ = false;
  options_.answer_by = clock_.Now() + absl::Seconds(1);
  Start();
  FillQueue();
  Send(1, 1);
  Advance(absl::Seconds(1));
  EXPECT_EQ(ReasonOf(0, 0), v1::ERROR_REASON_KAFKA_UNAVAILABLE);
}

TEST_F(PublishStreamTest, AHalfClosedOneWhoseAnswersAreInEndsWithOkAtTheDeadline) {
  options_.answer_by = clock_.Now() + absl::Seconds(1);
  Start();
  Send(1, 1);
  HalfClose();
  Advance(absl::Seconds(1));
  ReadAll();
  EXPECT_TRUE(sink_->closed()->ok());
}

TEST_F(PublishStreamTest, AClientThatIsGoneLeavesNothingToBeHandedOn) {
  kafka_.HoldDeliveries();
  Start();
  Send(1, 1);
  FillQueue();
  Send(2, 2);
  stream_->OnGone();
  EmptyQueue();
  Advance(absl::Seconds(1));
  EXPECT_THAT(Written(), ElementsAre("f1"));
  const std::weak_ptr<PublishStream> left = stream_;
  stream_ = nullptr;
  EXPECT_TRUE(left.expired());
  kafka_.Deliver(kafka::Position{0, 0});  // The report still has its message.
}

TEST_F(PublishStreamTest, ThatHasEndedIsHeldByNobody) {
  Start();
  Send(1, 1);
  HalfClose();
  ReadAll();
  const std::weak_ptr<PublishStream> left = stream_;
  stream_ = nullptr;
  EXPECT_TRUE(left.expired());
}

// A client that reads and writes as fast as it can, on threads of its own.
class BusyClient final : public PublishSink, public std::enable_shared_from_this<BusyClient> {
 public:
  BusyClient(Executor& threads, int messages) : threads_(threads), left_(messages) {}

  // Once, before it starts.
  void SetStream(const std::shared_ptr<PublishStream>& stream) { stream_ = stream; }

  void Read() override {
    threads_.Post([self = shared_from_this()] { self->SendNext(); });
  }
  void Write(std::string response) override {
    v1::PublishStreamResponse parsed;
    EXPECT_TRUE(parsed.ParseFromString(response));
    for (const v1::PublishResult& result : parsed.results()) {
      EXPECT_TRUE(result.has_published()) << result.error().message();
    }
    answers_ += parsed.results_size();
    threads_.Post([self = shared_from_this()] { self->stream_.lock()->OnWritten(); });
  }
  void Close(const absl::Status& status) override {
    EXPECT_TRUE(status.ok()) << status;
    closed_.count_down();
  }
  void Cut() override {}

  int WaitForAnswers() {
    closed_.wait();
    return answers_;
  }

 private:
  void SendNext() {
    const auto stream = stream_.lock();
    if (left_-- == 0) return stream->OnHalfClose();
    v1::PublishStreamRequest message;
    for (int i = 0; i < 3; ++i) {
      message.add_requests()->set_json(fakes::DocumentJson(sent_++));
    }
    const auto bytes = std::make_shared<const std::string>(message.SerializeAsString());
    stream->OnMessage(*bytes, bytes);
  }

  Executor& threads_;
  std::weak_ptr<PublishStream> stream_;
  std::latch closed_{1};
  int left_;         // One read at a time.
  int sent_ = 0;     // Likewise.
  int answers_ = 0;  // One write at a time.
};

TEST_F(PublishStreamTest, KeepsTheOrderWhileTheQueueFillsAndEmptiesUnderItsFeet) {
  const auto threads = MakeThreadPool("test", 3);
  options_.max_requests = 20;
  const auto client = std::make_shared<BusyClient>(*threads, 300);
  const auto stream = PublishStream::Make(publisher_, *threads, Clock::System(), options_, client);
  client->SetStream(stream);
  std::atomic<bool> over = false;
  std::thread weather([&] {
    while (!over) {
      FillQueue();
      std::this_thread::yield();
      EmptyQueue();
      std::this_thread::yield();
    }
  });
  stream->Start();
  EXPECT_EQ(client->WaitForAnswers(), 900);
  over = true;
  weather.join();
  threads->Stop();
  const std::vector<std::string> written = Written();
  ASSERT_EQ(written.size(), 900u);
  for (int i = 0; i < 900; ++i) {
    EXPECT_EQ(written[static_cast<std::size_t>(i)], "f" + std::to_string(i));
  }
}

}  // namespace
}  // namespace eventbus::bus
