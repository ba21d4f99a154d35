#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/error.h"
#include "server/bus/commit_metadata.h"
#include "server/bus/group.h"
#include "tests/fakes/fake_dead_letters.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/fake_sink.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {

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
    int runs = 0;
    for (bool ran = true; ran;) {
      const int now = executor_.Run() + blocking_.Run();
      ran = now > 0;
      runs += now;
      ASSERT_LT(runs, fakes::ManualExecutor::kRestless) << "a task that does not rest";
      for (auto& stream : streams_) {
        if (stream->stalled || stream->group == nullptr || !stream->sink->FinishWrite()) continue;
        stream->group->OnWritten();
        ran = true;
      }
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
    for (int i = 0; i < count; ++i) kafka_.Append(kTopic, partition, fakes::DocumentJson(i));
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
  // What the stream says of its partitions, by their numbers.
  std::map<int, v1::BlockedReason> Held(const Stream& stream) {
    std::map<int, v1::BlockedReason> held;
    stream.group->Inspect([&held](const HeldStream& said) {
      for (const HeldPartition& part : said.partitions) {
        held.emplace(part.partition.partition, part.blocked);
      }
    });
    Run();
    return held;
  }
  static ErrorReason CloseReason(const Stream& stream) {
    const auto& closed = stream.sink->closed();
    EXPECT_TRUE(closed.has_value()) << "it is open";
    return GetErrorDetails(closed.value_or(absl::OkStatus())).reason;
  }

  fakes::ManualClock clock_;
  fakes::ManualExecutor executor_{clock_};
  fakes::ManualExecutor blocking_{clock_};
  fakes::FakeKafka kafka_;
  ClusterMonitor monitor_{kafka_, blocking_, clock_, ClusterMonitor::Options()};
  AckRegistry acks_;
  fakes::FakeDeadLetters dead_letters_;
  const Context context_{fakes::Schema::Get().catalog,
                         *fakes::Schema::Get().plan,
                         kafka_,
                         kafka_,
                         monitor_,
                         executor_,
                         blocking_,
                         clock_,
                         /*tails=*/nullptr,
                         &acks_,
                         &dead_letters_};
  GroupRegistry registry_;
  GroupOptions options_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

// ---- Under ACK_MODE_EXPLICIT.

class ExplicitGroupTest : public GroupTest {
 protected:
  ExplicitGroupTest() {
    options_.ack_mode = AckMode::kExplicit;
    options_.member.release_grace = absl::ZeroDuration();
  }

  // Settles, through the registry, as a call of Acknowledge does; the errors.
  std::vector<AckError> Settle(Settlement<std::string> asked) {
    std::vector<AckError> errors;
    bool answered = false;
    acks_.Settle(std::move(asked), [&](std::vector<AckError> said) {
      errors = std::move(said);
      answered = true;
    });
    Run();
    EXPECT_TRUE(answered);
    return errors;
  }
  std::vector<AckError> Acknowledge(const std::vector<std::string>& tokens) {
    return Settle({tokens, {}, {}});
  }
  std::vector<AckError> Retry(const std::string& token,
                              absl::optional<absl::Duration> delay = absl::nullopt) {
    return Settle({{}, {{token, delay}}, {}});
  }
  std::vector<AckError> GiveUp(const std::string& token, const std::string& reason = "broken") {
    return Settle({{}, {}, {{token, reason}}});
  }
  CommitMetadata Metadata(int partition) {
    const kafka::GroupOffset offset = group().committed_offset({kTopic, partition});
    return ParseCommitMetadata(offset.metadata, offset.offset).value();
  }

  struct Event {
    std::string place;
    std::string token;
    int attempt = 1;
  };
  static std::vector<Event> Events(const std::vector<v1::SubscribeResponse>& messages) {
    std::vector<Event> events;
    for (const auto& message : messages) {
      for (const auto& event : message.batch().events()) {
        events.push_back({std::to_string(event.partition()) + ":" + std::to_string(event.offset()),
                          event.ack_token(), event.delivery_attempt()});
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

}  // namespace eventbus::bus
