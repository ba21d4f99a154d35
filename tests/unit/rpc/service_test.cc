// Subscribe, over a real connection to a server in this process.
#include "server/rpc/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>
#include <utility>

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
  bool Read() { return reader_->Read(&message); }
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
  while (bus.kafka().live_consumers() > 1) std::this_thread::yield();  // The one for look-ups.
}

v1::SubscribeRequest Group(std::int64_t max_events = 0) {
  v1::SubscribeRequest request;
  request.mutable_group()->set_id("the-group");
  request.mutable_group()->set_ack_mode(v1::ACK_MODE_AUTO);
  request.add_topics(kTopic);
  request.set_max_events(max_events);
  return request;
}

v1::SubscribeRequest ExplicitGroup(std::int64_t max_events) {
  v1::SubscribeRequest request = Group(max_events);
  request.mutable_group()->clear_ack_mode();
  return request;
}

v1::AcknowledgeResponse Acknowledge(fakes::InProcessBus& bus,
                                    const std::vector<std::string>& tokens) {
  grpc::ClientContext context;
  v1::AcknowledgeRequest request;
  for (const std::string& token : tokens) request.add_ack_tokens(token);
  v1::AcknowledgeResponse response;
  const grpc::Status status = bus.stub().Acknowledge(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

// As from a terminal: receive, then acknowledge, then receive what is left.
TEST(SubscribeGroupTest, WhatIsAcknowledgedAfterABoundedReadDoesNotComeAgain) {
  fakes::InProcessBus bus;
  for (int i = 0; i < 4; ++i) bus.kafka().Append(kTopic, 0, fakes::DocumentJson(i));
  std::vector<std::string> tokens;
  {
    Stream stream(bus, ExplicitGroup(3));
    while (stream.Next(v1::SubscribeResponse::kBatch)) {
      for (const auto& event : stream.message.batch().events()) tokens.push_back(event.ack_token());
    }
    EXPECT_TRUE(stream.Finish().ok());
  }
  ASSERT_EQ(tokens.size(), 3u);
  EXPECT_EQ(Acknowledge(bus, {tokens[0], tokens[2]}).errors_size(), 0);
  bus.service().DrainMembers(absl::ZeroDuration());  // In place of half a minute.
  ASSERT_TRUE(bus.service().WaitForMembers(absl::Seconds(30)));
  EXPECT_EQ(Acknowledge(bus, {tokens[1]}).errors(0).reason(), v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED);
  std::vector<std::int64_t> offsets;
  Stream rest(bus, ExplicitGroup(2));
  while (offsets.size() < 2 && rest.Next(v1::SubscribeResponse::kBatch)) {
    for (const auto& event : rest.message.batch().events()) offsets.push_back(event.offset());
  }
  EXPECT_THAT(offsets, testing::ElementsAre(1, 3));
}

// The events whose acknowledgement was accepted.
class Accepted {
 public:
  void Acknowledge(fakes::InProcessBus& bus, const v1::ReceivedEvent& event) {
    if (rpc::Acknowledge(bus, {event.ack_token()}).errors_size() > 0) return;
    MutexLock lock(mu_);
    places_.insert({event.partition(), event.offset()});
  }
  std::size_t events() {
    MutexLock lock(mu_);
    return places_.size();
  }

 private:
  Mutex mu_;
  std::set<std::pair<int, std::int64_t>> places_ ABSL_GUARDED_BY(mu_);
};

// Reads to the end, and settles everything.
void ReadAll(fakes::InProcessBus& bus, Accepted& accepted) {
  v1::SubscribeRequest request = ExplicitGroup(50);
  request.set_max_batch_events(9);
  request.set_stop_at_end(true);
  Stream stream(bus, request);
  while (stream.Next(v1::SubscribeResponse::kBatch)) {
    for (const auto& event : stream.message.batch().events()) accepted.Acknowledge(bus, event);
  }
  EXPECT_TRUE(stream.Finish().ok());
}

// Takes what comes first, settles every other event of it, from the back, and goes away.
void ReadAndVanish(fakes::InProcessBus& bus, Accepted& accepted) {
  v1::SubscribeRequest request = ExplicitGroup(0);
  request.mutable_heartbeat_interval()->set_seconds(1);
  Stream stream(bus, request);
  while (stream.Read() && !stream.message.has_batch() && !stream.message.has_heartbeat()) {
  }
  const v1::EventBatch batch = stream.message.batch();
  for (int i = batch.events_size() - 1; i >= 0; i -= 2) accepted.Acknowledge(bus, batch.events(i));
  stream.Cancel();
  stream.Finish();
}

// Whoever comes and goes, every event is acknowledged in the end. (What is acknowledged while a
// rebalance is under way may come again; bus/group_test has the rest.)
TEST(SubscribeGroupTest, EveryEventIsAcknowledgedInTheEndThroughAnyNumberOfRebalances) {
  constexpr int kEvents = 1500;
  fakes::InProcessBus bus;
  for (int i = 0; i < kEvents; ++i) bus.kafka().Append(kTopic, i % 3, fakes::DocumentJson(i));
  Accepted accepted;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&bus, &accepted, i] {
      while (accepted.events() < kEvents) {
        i % 2 == 0 ? ReadAll(bus, accepted) : ReadAndVanish(bus, accepted);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(bus.kafka().Group("the-group").foreign_commits(), 0);
}

TEST(SubscribeGroupTest, ABoundedReadEndsWithOkAndTheNextGoesOnThere) {
  fakes::InProcessBus bus;
  for (int i = 0; i < 10; ++i) bus.kafka().Append(kTopic, 0, fakes::DocumentJson(i));
  std::vector<std::int64_t> offsets;
  for (int round = 0; round < 2; ++round) {
    Stream stream(bus, Group(5));
    while (stream.Next(v1::SubscribeResponse::kBatch)) {
      for (const auto& event : stream.message.batch().events()) offsets.push_back(event.offset());
    }
    EXPECT_TRUE(stream.Finish().ok());
  }
  EXPECT_THAT(offsets, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_EQ(bus.kafka().Group("the-group").committed({kTopic, 0}), 10);
}

TEST(SubscribeGroupTest, DrainEndsAMemberWithAWordAndUnavailableOnceItHasLeft) {
  fakes::InProcessBus bus;
  Stream stream(bus, Group());
  ASSERT_TRUE(stream.Next(v1::SubscribeResponse::kStarted));
  bus.streams().Drain(absl::Seconds(3));
  ASSERT_TRUE(stream.Next(v1::SubscribeResponse::kDraining));
  EXPECT_EQ(stream.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(bus.kafka().Group("the-group").members(), 0);
}

// Every read is bounded and so ends cleanly: what one member leaves unread another has to get.
TEST(SubscribeGroupTest, MembersThatComeAndGoGetEachEventOnce) {
  constexpr int kEvents = 3000;
  fakes::InProcessBus bus;
  for (int i = 0; i < kEvents; ++i) bus.kafka().Append(kTopic, i % 3, fakes::DocumentJson(i));
  Mutex mu;
  std::map<std::pair<int, std::int64_t>, int> seen;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&bus, &mu, &seen, i] {
      for (;;) {
        v1::SubscribeRequest request = Group(50 + 10 * i);
        request.set_max_batch_events(1 + 7 * i);
        request.set_stop_at_end(true);
        Stream stream(bus, request);
        while (stream.Next(v1::SubscribeResponse::kBatch)) {
          MutexLock lock(mu);
          for (const auto& event : stream.message.batch().events()) {
            ++seen[{event.partition(), event.offset()}];
          }
        }
        EXPECT_TRUE(stream.Finish().ok());
        MutexLock lock(mu);
        if (seen.size() == kEvents) return;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  for (const auto& [place, times] : seen) {
    EXPECT_EQ(times, 1) << place.first << ":" << place.second;
  }
  WaitForNoStreams(bus);
  EXPECT_EQ(bus.kafka().Group("the-group").members(), 0);
  EXPECT_EQ(bus.kafka().Group("the-group").foreign_commits(), 0);
}

TEST(SubscribeGroupTest, MembersThatVanishLeaveNothingBehind) {
  fakes::InProcessBus bus;
  for (int i = 0; i < 100; ++i) bus.kafka().Append(kTopic, i % 3, fakes::DocumentJson(i));
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&bus] {
      for (int round = 0; round < 25; ++round) {
        Stream stream(bus, Group());
        if (round % 5 != 0) stream.Next(v1::SubscribeResponse::kStarted);
        stream.Cancel();
        stream.Finish();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  WaitForNoStreams(bus);
  while (bus.kafka().Group("the-group").members() > 0) std::this_thread::yield();
  EXPECT_EQ(bus.kafka().Group("the-group").foreign_commits(), 0);
}

}  // namespace
}  // namespace eventbus::rpc
