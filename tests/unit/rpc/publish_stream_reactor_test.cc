// PublishStream, over a real connection to a server in this process.
#include "server/rpc/publish_stream_reactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "grpcpp/impl/codegen/sync_stream.h"
#include "server/base/error.h"
#include "tests/fakes/in_process_bus.h"
#include "tests/unit/rpc/publish_support.h"

namespace eventbus::rpc {
namespace {

// One PublishStream call.
class Stream {
 public:
  explicit Stream(fakes::InProcessBus& bus, absl::Duration timeout = absl::InfiniteDuration()) {
    if (timeout != absl::InfiniteDuration()) {
      context_.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
    }
    stream_ = bus.stub().PublishStream(&context_);
  }

  bool Send(int first, int last) { return Send(Documents<v1::PublishStreamRequest>(first, last)); }
  bool Send(const v1::PublishStreamRequest& message) { return stream_->Write(message); }
  bool Next() { return stream_->Read(&response); }
  void HalfClose() { stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }
  grpc::Status Finish() {
    while (Next()) {
    }
    return stream_->Finish();
  }

  v1::PublishStreamResponse response;

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::PublishStreamRequest, v1::PublishStreamResponse>>
      stream_;
};

void WaitForNoStreams(fakes::InProcessBus& bus) {
  EXPECT_TRUE(bus.streams().WaitUntilEmpty(absl::Seconds(30)));
}

void WaitForProduced(fakes::InProcessBus& bus, std::size_t count) {
  while (bus.kafka().produced_count() < count) std::this_thread::yield();
}

void HalfCloseAtOnce(fakes::InProcessBus& bus) {
  Stream stream(bus);
  stream.HalfClose();
  EXPECT_TRUE(stream.Finish().ok());
}

TEST(PublishStreamTest, AnswersEachMessageInOrderAndEndsWithOk) {
  fakes::InProcessBus bus;
  Stream stream(bus);
  std::thread sender([&stream] {
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(stream.Send(5 * i, 5 * i + 4));
    stream.HalfClose();
  });
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(stream.Next());
    ASSERT_EQ(stream.response.results_size(), 5);
    EXPECT_EQ(stream.response.results(4).published().offset(), 5 * i + 4);
  }
  sender.join();
  EXPECT_TRUE(stream.Finish().ok());
  WaitForNoStreams(bus);
}

TEST(PublishStreamTest, HalfCloseWithoutAMessageEndsWithOk) {
  fakes::InProcessBus bus;
  Stream stream(bus);
  stream.HalfClose();
  EXPECT_TRUE(stream.Finish().ok());
  WaitForNoStreams(bus);
}

TEST(PublishStreamTest, AtMostTenThousandRequestsAreReadAndNotAnswered) {
  fakes::InProcessBus bus;
  bus.kafka().HoldDeliveries();
  Stream stream(bus);
  std::thread sender([&stream] {
    while (stream.Send(0, 999)) {
    }
  });
  WaitForProduced(bus, 10'000);
  for (int i = 0; i < 100; ++i) HalfCloseAtOnce(bus);  // The server has time for more.
  EXPECT_EQ(bus.kafka().produced_count(), 10'000u);
  for (int i = 0; i < 1000; ++i) bus.kafka().Deliver(kafka::Position{0, i});
  ASSERT_TRUE(stream.Next());
  WaitForProduced(bus, 11'000);
  for (int i = 0; i < 100; ++i) HalfCloseAtOnce(bus);
  EXPECT_EQ(bus.kafka().produced_count(), 11'000u);
  stream.Cancel();
  sender.join();
  WaitForNoStreams(bus);
}

TEST(PublishStreamTest, AClientThatDoesNotReadItsAnswersIsNotReadFrom) {
  fakes::InProcessBus bus;
  Stream stream(bus);
  // A refusal of 2 KiB for each of some bytes: answers are all that fills up.
  v1::PublishStreamRequest message;
  for (int i = 0; i < 1000; ++i) {
    auto& request = *message.add_requests();
    for (int h = 0; h < 30; ++h) request.add_headers()->set_key("eventbus-");
  }
  std::atomic<int> sent = 0;
  std::thread sender([&] {
    while (stream.Send(message)) ++sent;
  });
  int before = -1;
  while (sent != before) {
    before = sent;
    for (int i = 0; i < 300; ++i) HalfCloseAtOnce(bus);
  }
  EXPECT_LT(before, 100);
  stream.Cancel();
  sender.join();
  WaitForNoStreams(bus);
}

TEST(PublishStreamTest, BrokenFramingEndsItAfterTheAnswersBefore) {
  fakes::InProcessBus bus;
  bus.kafka().HoldDeliveries();
  grpc::ClientContext context;
  using Raw = grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;
  const std::unique_ptr<Raw> raw(
      grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(
          bus.channel().get(),
          grpc::internal::RpcMethod("/eventbus.v1.EventBusService/PublishStream",
                                    grpc::internal::RpcMethod::BIDI_STREAMING),
          &context));
  const auto send = [&raw](const std::string& bytes) {
    const grpc::Slice slice(bytes);
    return raw->Write(grpc::ByteBuffer(&slice, 1));
  };
  const std::string good = Documents<v1::PublishStreamRequest>(1, 1).SerializeAsString();
  ASSERT_TRUE(send(good));
  ASSERT_TRUE(send(good + "\x0a\x7fx"));
  WaitForProduced(bus, 1);
  bus.kafka().Deliver(kafka::Position{0, 7});
  grpc::ByteBuffer response;
  EXPECT_TRUE(raw->Read(&response));
  EXPECT_FALSE(raw->Read(&response));
  const grpc::Status status = raw->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "REQUEST_INVALID");
  EXPECT_EQ(bus.kafka().produced_count(), 1u);
  WaitForNoStreams(bus);
}

TEST(PublishStreamTest, AFullQueueHoldsTheStreamAndFailsNoEvent) {
  fakes::InProcessBus bus;
  bus.kafka().SetProduceError(MakeRetryError(v1::ERROR_REASON_PUBLISH_QUEUE_FULL, "full"));
  Stream stream(bus);
  ASSERT_TRUE(stream.Send(1, 3));
  ASSERT_TRUE(stream.Send(4, 4));
  bus.kafka().SetProduceError(absl::OkStatus());
  ASSERT_TRUE(stream.Next());
  EXPECT_EQ(stream.response.results(2).published().offset(), 2);
  ASSERT_TRUE(stream.Next());
  EXPECT_EQ(stream.response.results(0).published().offset(), 3);
  stream.Cancel();
  WaitForNoStreams(bus);
}

TEST(PublishStreamTest, ADrainAwaitsReportsAndEndsWithUnavailable) {
  fakes::InProcessBus bus;
  bus.kafka().HoldDeliveries();
  Stream idle(bus);
  Stream stream(bus);
  ASSERT_TRUE(stream.Send(1, 1));
  WaitForProduced(bus, 1);
  bus.streams().Drain(absl::Seconds(20));
  EXPECT_EQ(ReasonOf(idle.Finish()), "SERVER_DRAINING");
  bus.kafka().Deliver(kafka::Position{0, 9});
  ASSERT_TRUE(stream.Next());
  EXPECT_EQ(stream.response.results(0).published().offset(), 9);
  const grpc::Status status = stream.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "SERVER_DRAINING");
  WaitForNoStreams(bus);
  Stream late(bus);
  EXPECT_EQ(ReasonOf(late.Finish()), "SERVER_DRAINING");
}

TEST(PublishStreamTest, OneStreamTooManyIsRefused) {
  fakes::InProcessBus bus(1);
  Stream first(bus);
  ASSERT_TRUE(first.Send(1, 1));
  ASSERT_TRUE(first.Next());
  Stream second(bus);
  const grpc::Status status = second.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "TOO_MANY_STREAMS");
  first.Cancel();
  WaitForNoStreams(bus);
}

TEST(PublishStreamTest, BeforeTheDeadlineWhatHasNoReportIsUnknown) {
  fakes::InProcessBus bus;
  bus.kafka().HoldDeliveries();
  Stream stream(bus, absl::Milliseconds(600));
  ASSERT_TRUE(stream.Send(1, 1));
  ASSERT_TRUE(stream.Next());
  EXPECT_EQ(stream.response.results(0).error().reason(), v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN);
  const grpc::Status status = stream.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(ReasonOf(status), "PUBLISH_OUTCOME_UNKNOWN");
  bus.kafka().Deliver(kafka::Position{0, 0});
  WaitForNoStreams(bus);
}

TEST(PublishStreamTest, ClientsThatVanishLeaveNothingBehind) {
  fakes::InProcessBus bus;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&bus, i] {
      for (int round = 0; round < 25; ++round) {
        Stream stream(bus);
        stream.Send(0, 20 * i);
        stream.Send(0, i);
        if (round % 3 == 0) stream.Next();
        if (round % 5 == 0) stream.HalfClose();
        stream.Cancel();
        stream.Finish();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  WaitForNoStreams(bus);
}

}  // namespace
}  // namespace eventbus::rpc
