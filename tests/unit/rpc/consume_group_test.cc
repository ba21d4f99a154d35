// Consume, over a real connection to the whole server but Kafka in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "server/rpc/consume_reactor.h"
#include "tests/fakes/in_process_bus.h"
#include "tests/unit/rpc/publish_support.h"

namespace eventbus::rpc {
namespace {

using testing::ElementsAre;

constexpr char kTopic[] = "document-events";

v1::ConsumeRequest Tail() {
  v1::ConsumeRequest request;
  request.mutable_subscribe()->mutable_tail()->mutable_start()->mutable_earliest();
  return request;
}

v1::ConsumeRequest Group(std::int64_t max_events = 0) {
  v1::ConsumeRequest request;
  request.mutable_subscribe()->mutable_group()->set_id("the-group");
  request.mutable_subscribe()->add_topics(kTopic);
  request.mutable_subscribe()->set_max_events(max_events);
  return request;
}

// One Consume call.
class Call {
 public:
  Call(fakes::InProcessBus& bus, const v1::ConsumeRequest& first)
      : stream_(bus.stub().Consume(&context_)) {
    stream_->Write(first);
  }

  // The next batch; others are passed over. Empty at the end of the stream.
  v1::EventBatch NextBatch() {
    while (stream_->Read(&response)) {
      if (response.delivery().has_batch()) return response.delivery().batch();
    }
    return {};
  }
  // The next `count` events.
  std::vector<v1::ReceivedEvent> NextEvents(std::size_t count) {
    std::vector<v1::ReceivedEvent> events;
    while (events.size() < count) {
      const v1::EventBatch batch = NextBatch();
      if (batch.events_size() == 0) break;
      events.insert(events.end(), batch.events().begin(), batch.events().end());
    }
    return events;
  }
  bool NextStarted() {
    while (stream_->Read(&response)) {
      if (response.delivery().has_started()) return true;
    }
    return false;
  }
  v1::AcknowledgeResponse Acknowledge(const std::vector<std::string>& tokens) {
    v1::ConsumeRequest request;
    for (const std::string& token : tokens) request.mutable_acknowledge()->add_ack_tokens(token);
    stream_->Write(request);
    while (stream_->Read(&response)) {
      if (response.has_acknowledged()) return response.acknowledged();
    }
    ADD_FAILURE() << "the stream has ended";
    return {};
  }
  bool Read() { return stream_->Read(&response); }
  void HalfClose() { stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }
  grpc::Status Finish() {
    while (stream_->Read(&response)) {
    }
    return stream_->Finish();
  }

  v1::ConsumeResponse response;

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ConsumeRequest, v1::ConsumeResponse>> stream_;
};

std::vector<std::int64_t> Offsets(const std::vector<v1::ReceivedEvent>& events) {
  std::vector<std::int64_t> offsets;
  for (const auto& event : events) offsets.push_back(event.offset());
  return offsets;
}

TEST(ConsumeTest, WhatIsAcknowledgedBeforeTheHalfCloseDoesNotComeAgain) {
  fakes::InProcessBus bus;
  for (int i = 0; i < 3; ++i) bus.kafka().Append(kTopic, 0, fakes::DocumentJson(i));
  {
    Call call(bus, Group());
    const auto events = call.NextEvents(3);
    ASSERT_THAT(Offsets(events), ElementsAre(0, 1, 2));
    EXPECT_EQ(call.Acknowledge({events[2].ack_token(), events[0].ack_token()}).errors_size(), 0);
    call.HalfClose();
    const grpc::Status status = call.Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(bus.kafka().Group("the-group").members(), 0) << "it has left before the stream ends";
  }
  Call next(bus, Group());
  const auto events = next.NextEvents(1);
  EXPECT_THAT(Offsets(events), ElementsAre(1));
  EXPECT_EQ(next.Acknowledge({events[0].ack_token()}).errors_size(), 0);
  next.HalfClose();
  EXPECT_TRUE(next.Finish().ok());
  EXPECT_EQ(bus.kafka().Group("the-group").committed({kTopic, 0}), 3);
}

TEST(ConsumeTest, ABoundedReadIsSettledOnItsOwnStream) {
  fakes::InProcessBus bus;
  for (int i = 0; i < 3; ++i) bus.kafka().Append(kTopic, 0, fakes::DocumentJson(i));
  Call call(bus, Group(2));
  const v1::EventBatch batch = call.NextBatch();
  ASSERT_EQ(batch.events_size(), 2);
  EXPECT_EQ(call.Acknowledge({batch.ack_token()}).errors_size(), 0);
  EXPECT_TRUE(call.Finish().ok());
  EXPECT_EQ(bus.kafka().Group("the-group").committed({kTopic, 0}), 2);
}

TEST(ConsumeTest, TokensOfAnyStreamOfTheServerAreTaken) {
  fakes::InProcessBus bus;
  bus.kafka().Append(kTopic, 0, fakes::DocumentJson(1));
  Call group(bus, Group());
  const auto events = group.NextEvents(1);
  ASSERT_EQ(events.size(), 1u);
  Call tail(bus, Tail());
  EXPECT_EQ(tail.Acknowledge({events[0].ack_token()}).errors_size(), 0);
  const v1::AcknowledgeResponse other = tail.Acknowledge({"hello"});
  ASSERT_EQ(other.errors_size(), 1);
  EXPECT_EQ(other.errors(0).reason(), v1::ERROR_REASON_ACK_TOKEN_INVALID);
  group.HalfClose();
  EXPECT_TRUE(group.Finish().ok());
  EXPECT_EQ(bus.kafka().Group("the-group").committed({kTopic, 0}), 1);
  tail.Cancel();
}

TEST(ConsumeTest, ATailsHalfCloseTellsWhereToResume) {
  fakes::InProcessBus bus;
  bus.kafka().Append(kTopic, 0, fakes::DocumentJson(1));
  Call call(bus, Tail());
  EXPECT_EQ(call.NextEvents(1).size(), 1u);
  call.HalfClose();
  std::string token;
  while (call.Read()) token = call.response.delivery().heartbeat().resume_token();
  EXPECT_NE(token, "");
  EXPECT_TRUE(call.Finish().ok());
}

TEST(ConsumeTest, ARefusedMessageEndsAMemberCleanly) {
  fakes::InProcessBus bus;
  bus.kafka().Append(kTopic, 0, fakes::DocumentJson(1));
  Call call(bus, Group());
  const auto events = call.NextEvents(1);
  EXPECT_EQ(call.Acknowledge({events.at(0).ack_token()}).errors_size(), 0);
  call.HalfClose();
  EXPECT_TRUE(call.Finish().ok());
  grpc::ClientContext context;
  auto stream = bus.stub().Consume(&context);
  ASSERT_TRUE(stream->Write(Group()));
  v1::ConsumeResponse response;
  while (stream->Read(&response) && !response.delivery().has_started()) {
  }
  ASSERT_TRUE(stream->Write(Group()));
  while (stream->Read(&response)) {
  }
  EXPECT_EQ(ReasonOf(stream->Finish()), "REQUEST_INVALID");
  EXPECT_EQ(bus.kafka().Group("the-group").members(), 0);
  EXPECT_EQ(bus.kafka().Group("the-group").committed({kTopic, 0}), 1);
}

TEST(ConsumeTest, ABadSubscribeNamesTheFieldBelowTheMessage) {
  fakes::InProcessBus bus;
  v1::ConsumeRequest request;
  request.mutable_subscribe()->set_max_events(-1);
  Call call(bus, request);
  const grpc::Status status = call.Finish();
  EXPECT_EQ(ReasonOf(status), "REQUEST_INVALID");
  EXPECT_THAT(status.error_message(), testing::HasSubstr("subscribe.max_events: -1"));
}

TEST(ConsumeTest, DrainEndsACallWithAWordAndUnavailable) {
  fakes::InProcessBus bus;
  Call call(bus, Group());
  ASSERT_TRUE(call.NextStarted());
  grpc::ClientContext context;
  const auto silent = bus.stub().Consume(&context);  // Has not subscribed.
  silent->WaitForInitialMetadata();
  bus.streams().Drain(absl::Seconds(3));
  while (call.Read() && !call.response.delivery().has_draining()) {
  }
  EXPECT_TRUE(call.response.delivery().has_draining());
  EXPECT_EQ(ReasonOf(call.Finish()), "SERVER_DRAINING");
  v1::ConsumeResponse response;
  EXPECT_FALSE(silent->Read(&response));
  EXPECT_EQ(ReasonOf(silent->Finish()), "SERVER_DRAINING");
  Call late(bus, Group());
  EXPECT_EQ(ReasonOf(late.Finish()), "SERVER_DRAINING");
}

TEST(ConsumeTest, OneStreamTooManyIsRefused) {
  fakes::InProcessBus bus(1);
  Call first(bus, Group());
  ASSERT_TRUE(first.NextStarted());
  Call second(bus, Group());
  EXPECT_EQ(ReasonOf(second.Finish()), "TOO_MANY_STREAMS");
  first.Cancel();
  EXPECT_TRUE(bus.streams().WaitUntilEmpty(absl::Seconds(30)));
}

}  // namespace
}  // namespace eventbus::rpc
