// Many tails of one server over gRPC: on the embedded Kafka, or, where EVENTBUS_TEST_KAFKA names
// it, on a real one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "eventbus/events/v1/event.pb.h"
#include "eventbus/v1/event_bus_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "server/app/server.h"
#include "tests/fakes/schema.h"

namespace eventbus::app {
namespace {

constexpr int kStreams = 200;
constexpr int kChannels = 4;
constexpr int kBefore = 500;  // Events that are there before the first stream.
constexpr int kBatches = 30;  // Of kBatch events, while the streams read.
constexpr int kBatch = 100;

using Place = std::pair<std::string, int>;
using Ends = std::map<Place, std::int64_t>;

// What one stream asks for, and what it has had; a new call resumes it.
struct Reading {
  bool earliest = false;
  bool json = false;
  int max_batch_events = 0;
  std::string token;
  std::map<Place, std::int64_t> next;
  std::map<Place, std::int64_t> resumable;  // Where the token leads.
  bool started = false;
  std::int64_t events = 0;
};

class ServerTailsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // As main does.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  }

  void SetUp() override {
    Options options;
    options.listen = {"127.0.0.1:0"};
    const char* named = std::getenv("EVENTBUS_TEST_KAFKA");
    const std::string kafka = named == nullptr ? "" : named;
    options.embedded_kafka = kafka.empty();
    if (!kafka.empty()) options.kafka_bootstrap_servers = kafka;
    options.provision_topics = !kafka.empty();
    auto server = Server::Start(options, *events::v1::Event::descriptor()->file()->pool());
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    for (int i = 0; i < kChannels; ++i) {
      grpc::ChannelArguments arguments;
      arguments.SetInt("channel", i);  // Else they would share a connection.
      stubs_.push_back(v1::EventBusService::NewStub(grpc::CreateCustomChannel(
          server_->addresses().at(0), grpc::InsecureChannelCredentials(), arguments)));
    }
    while (!Publish(1)) std::this_thread::yield();  // Ends by the test's time limit.
  }

  // True: all of it is written.
  bool Publish(int events) {
    v1::PublishBatchRequest request;
    for (int i = 0; i < events; ++i) {
      request.add_requests()->set_json(fakes::DocumentJson(++published_));
    }
    grpc::ClientContext context;
    v1::PublishBatchResponse response;
    if (!stubs_[0]->PublishBatch(&context, request, &response).ok()) return false;
    bool all = true;
    for (const v1::PublishResult& result : response.results()) {
      if (!result.has_published()) {
        all = false;
        continue;
      }
      const v1::PublishResponse& place = result.published();
      absl::MutexLock lock(&mu_);
      written_[{place.topic(), place.partition()}][place.offset()] = place.event_id();
    }
    return all;
  }

  Ends AllWritten() {
    absl::MutexLock lock(&mu_);
    Ends ends;
    for (const auto& [place, events] : written_) ends[place] = events.rbegin()->first + 1;
    return ends;
  }

  v1::SubscribeRequest RequestOf(const Reading& reading) {
    v1::SubscribeRequest request;
    request.add_topics("document-events");
    request.set_include_json(reading.json);
    request.set_max_batch_events(reading.max_batch_events);
    v1::StartPosition& start = *request.mutable_tail()->mutable_start();
    if (!reading.token.empty()) {
      start.set_resume_token(reading.token);
    } else if (reading.earliest) {
      start.mutable_earliest();
    } else {
      start.mutable_latest();
    }
    return request;
  }

  // One call: for `most` events, or, where that is 0, until everything is there.
  void Read(Reading& reading, v1::EventBusService::Stub& stub, std::int64_t most) {
    grpc::ClientContext context;
    const auto stream = stub.Subscribe(&context, RequestOf(reading));
    v1::SubscribeResponse response;
    const std::int64_t enough = reading.events + most;
    while (stream->Read(&response)) {
      Take(response, reading);
      if (most > 0 ? reading.events >= enough : HasAll(reading)) context.TryCancel();
    }
    const grpc::Status status = stream->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED) << status.error_message();
  }

  void Take(const v1::SubscribeResponse& response, Reading& reading) {
    if (response.has_started() && !std::exchange(reading.started, true)) {
      for (const v1::Position& position : response.started().assigned()) {
        reading.next[{position.topic(), position.partition()}] = position.offset();
      }
      reading.token = response.started().resume_token();
      reading.resumable = reading.next;
      ++started_;
    }
    if (response.has_heartbeat()) {
      reading.token = response.heartbeat().resume_token();
      reading.resumable = reading.next;
    }
    for (const v1::ReceivedEvent& event : response.batch().events()) TakeEvent(event, reading);
  }

  void TakeEvent(const v1::ReceivedEvent& event, Reading& reading) {
    ++reading.events;
    const Place place{event.topic(), event.partition()};
    EXPECT_EQ(event.offset(), reading.next[place]) << place.first << " " << place.second;
    reading.next[place] = event.offset() + 1;
    EXPECT_EQ(event.json().empty(), !reading.json);
    absl::MutexLock lock(&mu_);
    const auto& written = written_[place];
    const auto found = written.find(event.offset());
    if (found != written.end()) {
      EXPECT_EQ(event.event_id(), found->second);
    }
  }

  bool HasAll(const Reading& reading) {
    if (!done_) return false;
    for (const auto& [place, end] : AllWritten()) {
      const auto next = reading.next.find(place);
      if (next == reading.next.end() || next->second < end) return false;
    }
    return true;
  }

  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<v1::EventBusService::Stub>> stubs_;
  int published_ = 0;
  absl::Mutex mu_;
  std::map<Place, std::map<std::int64_t, std::string>> written_;
  std::atomic<int> started_{0};
  std::atomic<bool> done_{false};
};

TEST_F(ServerTailsTest, EachGetsEverythingOnceWhateverItsStart) {
  ASSERT_TRUE(Publish(kBefore));
  std::vector<Reading> readings(kStreams);
  std::vector<std::thread> clients;
  for (int i = 0; i < kStreams; ++i) {
    Reading& reading = readings[static_cast<std::size_t>(i)];
    reading.earliest = i % 2 == 0;
    reading.json = i % 5 == 0;
    reading.max_batch_events = i % 3 == 0 ? 1 + i : 0;
    clients.emplace_back([this, &reading, i] {
      v1::EventBusService::Stub& stub = *stubs_[static_cast<std::size_t>(i % kChannels)];
      if (i % 4 == 3) {  // Cut off in the middle, and resumed.
        Read(reading, stub, 1 + i);
        reading.next = reading.resumable;
      }
      Read(reading, stub, 0);
    });
  }
  while (started_ < kStreams) std::this_thread::yield();
  for (int i = 0; i < kBatches; ++i) ASSERT_TRUE(Publish(kBatch));
  done_ = true;
  while (!Publish(1)) std::this_thread::yield();  // Wakes those who have had all.
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(server_->Drain());
}

}  // namespace
}  // namespace eventbus::app
