// Subscribe, over a real connection to a server in this process.
#include "server/rpc/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "server/base/error.h"
#include "tests/fakes/in_process_bus.h"

namespace eventbus::rpc {
namespace {

constexpr char kTopic[] = "document-events";

v1::SubscribeRequest Tail(bool earliest = false) {
  v1::SubscribeRequest request;
  auto& start = *request.mutable_tail()->mutable_start();
  if (earliest) start.mutable_earliest();
  return request;
}

// One Subscribe call.
class Stream {
 public:
  Stream(fakes::InProcessBus& bus, const v1::SubscribeRequest& request)
      : reader_(bus.stub().Subscribe(&context_, request)) {}

  // The next message of this kind; others are passed over. False at the end of the stream.
  bool Next(v1::SubscribeResponse::MessageCase kind) {
    while (reader_->Read(&message)) {
      if (message.message_case() == kind) return true;
    }
    return false;
  }
  grpc::Status Finish() {
    while (reader_->Read(&message)) {
    }
    return reader_->Finish();
  }
  void Cancel() { context_.TryCancel(); }
  void WaitForMetadata() { reader_->WaitForInitialMetadata(); }

  v1::SubscribeResponse message;

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::SubscribeResponse>> reader_;
};

void WaitForNoStreams(fakes::InProcessBus& bus) {
  EXPECT_TRUE(bus.streams().WaitUntilEmpty(absl::Seconds(30)));
}

TEST(SubscribeTest, WhatIsPublishedAfterStartedArrives) {
  fakes::InProcessBus bus;
  Stream stream(bus, Tail());
  ASSERT_TRUE(stream.Next(v1::SubscribeResponse::kStarted));
  EXPECT_EQ(stream.message.started().assigned_size(), 21);
  bus.kafka().Append(kTopic, 1, fakes::DocumentJson(5));
  ASSERT_TRUE(stream.Next(v1::SubscribeResponse::kBatch));
  const auto& event = stream.message.batch().events(0);
  EXPECT_EQ(event.event().document().payload().filename(), "f5");
  EXPECT_EQ(event.partition(), 1);
  stream.Cancel();
  WaitForNoStreams(bus);
}

TEST(SubscribeTest, StopAtEndEndsWithOk) {
  fakes::InProcessBus bus;
  for (int i = 0; i < 1000; ++i) bus.kafka().Append(kTopic, i % 3, fakes::DocumentJson(i));
  v1::SubscribeRequest request = Tail(true);
  request.set_stop_at_end(true);
  Stream stream(bus, request);
  int events = 0;
  while (stream.Next(v1::SubscribeResponse::kBatch)) {
    events += stream.message.batch().events_size();
  }
  EXPECT_EQ(events, 1000);
  EXPECT_TRUE(stream.Finish().ok());
}

TEST(SubscribeTest, ABadRequestEndsTheStreamWithItsReason) {
  fakes::InProcessBus bus;
  Stream stream(bus, v1::SubscribeRequest());
  const grpc::Status status = stream.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "reader: not set, group or tail is required");
  WaitForNoStreams(bus);
}

TEST(SubscribeTest, OneStreamTooManyIsRefused) {
  fakes::InProcessBus bus(1);
  Stream first(bus, Tail());
  ASSERT_TRUE(first.Next(v1::SubscribeResponse::kStarted));
  Stream second(bus, Tail());
  EXPECT_EQ(second.Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  first.Cancel();
}

TEST(SubscribeTest, DrainEndsEveryStreamWithAWordATokenAndUnavailable) {
  fakes::InProcessBus bus;
  Stream stream(bus, Tail());
  ASSERT_TRUE(stream.Next(v1::SubscribeResponse::kStarted));
  bus.streams().Drain(absl::Seconds(3));
  ASSERT_TRUE(stream.Next(v1::SubscribeResponse::kDraining));
  ASSERT_TRUE(stream.Next(v1::SubscribeResponse::kHeartbeat));
  EXPECT_NE(stream.message.heartbeat().resume_token(), "");
  EXPECT_EQ(stream.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  WaitForNoStreams(bus);
}

TEST(SubscribeTest, InitialMetadataGoesOutAtOnce) {
  fakes::InProcessBus bus;
  Stream stream(bus, Tail());
  stream.WaitForMetadata();
  stream.Cancel();
}

TEST(SubscribeTest, ClientsThatVanishLeaveNothingBehind) {
  fakes::InProcessBus bus;
  for (int i = 0; i < 100; ++i) bus.kafka().Append(kTopic, 0, fakes::DocumentJson(i));
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&bus, i] {
      for (int round = 0; round < 25; ++round) {
        v1::SubscribeRequest request = Tail(true);
        request.set_max_batch_events(1 + i);
        Stream stream(bus, request);
        if (round % 5 != 0) stream.Next(v1::SubscribeResponse::kBatch);
        stream.Cancel();
        stream.Finish();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  WaitForNoStreams(bus);
  while (bus.kafka().live_consumers() > 0) std::this_thread::yield();
}

}  // namespace
}  // namespace eventbus::rpc
