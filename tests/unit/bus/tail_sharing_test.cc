// Many tails on one hub, under random schedules that are the same for the same seed: whatever they
// share, each gets exactly what was written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "server/base/error.h"
#include "server/bus/tail.h"
#include "server/bus/tail_hub.h"
#include "tests/fakes/fake_sink.h"
#include "tests/fakes/manual_executor.h"
#include "tests/unit/bus/tail_checker.h"

namespace eventbus::bus {
namespace {

constexpr int kTails = 200;
constexpr int kMostCatchingUp = 48;
constexpr absl::Duration kRound = absl::Milliseconds(500);

TailHubOptions SmallWindow() {
  TailHubOptions options;
  options.reader.window = {.max_bytes = 32u << 10, .max_chunks = 8};
  options.max_catching_up = kMostCatchingUp;
  return options;
}

class TailSharingTest : public testing::TestWithParam<unsigned> {
 protected:
  struct Client {
    std::unique_ptr<TailChecker> checker;
    std::shared_ptr<fakes::FakeSink> sink;
    std::shared_ptr<Tail> tail;
    int stalled = 0;  // Rounds for which it will not read.
  };

  TailSharingTest() {
    log_.AddTopic("document-events", 3);
    log_.AddTopic("meeting-events", 2);
    monitor_.Start([](bool) {});
    RunAll();
  }
  ~TailSharingTest() override {
    monitor_.Stop();
    executor_.Stop();
    blocking_.Stop();
  }

  int Random(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  bool Chance(int in) { return Random(in) == 0; }

  void RunAll() {
    while (executor_.Run() + blocking_.Run() > 0) {
    }
  }

  Start RandomStart() {
    switch (Random(3)) {
      case 0:
        return Earliest{};
      case 1:
        return Latest{};
      default:
        break;
    }
    AtOffsets offsets;
    for (const auto& [partition, end] : log_.Ends()) {
      if (!Chance(4)) offsets.positions.push_back({partition, Random(static_cast<int>(end) + 1)});
    }
    return offsets;
  }

  void Open(Client& client, Start start) {
    TailChecker::Expected expected;
    if (Chance(3)) expected.type = "document.indexed";
    expected.include_json = Chance(4);
    expected.max_batch_events = Chance(5) ? 1 + Random(20) : 1 + Random(1000);
    TailOptions options;
    options.source.client_id = "a-tail";
    options.source.start = std::move(start);
    options.stream_id = "s";
    options.reader.include_json = expected.include_json;
    options.reader.batch.max_events = expected.max_batch_events;
    if (!expected.type.empty()) {
      options.reader.filter = Filter::Parse({expected.type}, fakes::Schema::Get().catalog).value();
    }
    if (Chance(10)) options.reader.max_events = 1 + Random(300);
    if (Chance(10)) options.reader.stop_at_end = true;
    client.checker = std::make_unique<TailChecker>(log_, expected);
    client.sink = std::make_shared<fakes::FakeSink>();
    client.tail = Tail::Make(context_, std::move(options), client.sink);
    client.stalled = 0;
    client.tail->Start();
  }

  void Resume(Client& client) {
    const auto token = ParseResumeToken(client.checker->token());
    Open(client, token.has_value() ? Start(*token) : RandomStart());
  }

  // What it has been sent is checked whether it reads on or not.
  void Read(Client& client) {
    if (client.sink->FinishWrite()) client.tail->OnWritten();
    Look(client);
  }
  void Look(Client& client) {
    for (const auto& message : client.sink->Take()) client.checker->Check(message);
  }

  void StepClient(Client& client) {
    Look(client);
    if (client.sink->closed().has_value()) {
      const ErrorReason reason = GetErrorDetails(*client.sink->closed()).reason;
      EXPECT_TRUE(client.sink->closed()->ok() || reason == v1::ERROR_REASON_SUBSCRIBER_TOO_SLOW)
          << *client.sink->closed();
      if (!client.sink->closed()->ok()) ++ended_;
      return Resume(client);
    }
    if (client.stalled > 0) {
      --client.stalled;
    } else if (Chance(40)) {
      client.stalled = Chance(30) ? 130 : Random(30);
    } else if (Chance(300)) {
      client.tail->OnGone();
      RunAll();
      Look(client);
      Resume(client);
    } else if (!Chance(4)) {
      Read(client);
    }
  }

  void Round() {
    for (int i = Random(20); i > 0; --i) log_.WriteOne(random_);
    if (Chance(3)) RunAll();
    for (Client& client : clients_) StepClient(client);
    if (!Chance(3)) RunAll();
    EXPECT_LE(kafka_.live_consumers("a-tail"), kMostCatchingUp);
    most_own_ = std::max(most_own_, kafka_.live_consumers("a-tail"));
    clock_.Advance(kRound);
  }

  // Until everybody has everything.
  void Settle() {
    const auto ends = log_.Ends();
    for (int round = 0; round < 20'000; ++round) {
      RunAll();
      bool all = true;
      for (Client& client : clients_) {
        Read(client);
        if (client.sink->closed().has_value()) Resume(client);
        all = all && client.checker->Complete(ends);
      }
      if (all) return;
      if (round % 50 == 49) clock_.Advance(kRound);
    }
    FAIL() << "some tails have not got everything";
  }

  std::mt19937 random_{GetParam()};
  fakes::ManualClock clock_;
  fakes::ManualExecutor executor_{clock_};
  fakes::ManualExecutor blocking_{clock_};
  fakes::FakeKafka kafka_;
  WrittenLog log_{kafka_};
  ClusterMonitor monitor_{kafka_, blocking_, clock_, ClusterMonitor::Options()};
  TailHub hub_{
      *fakes::Schema::Get().plan, kafka_, monitor_, executor_, blocking_, clock_, SmallWindow()};
  const Context context_{fakes::Schema::Get().catalog,
                         *fakes::Schema::Get().plan,
                         kafka_,
                         kafka_,
                         monitor_,
                         executor_,
                         blocking_,
                         clock_,
                         &hub_};
  std::vector<Client> clients_{kTails};
  int ended_ = 0;  // Because they stalled.
  int most_own_ = 0;
};

TEST_P(TailSharingTest, EachGetsExactlyWhatWasWritten) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  for (int i = 0; i < 300; ++i) log_.WriteOne(random_);
  for (Client& client : clients_) Open(client, RandomStart());
  for (int round = 0; round < 150 && !HasFailure(); ++round) Round();
  Settle();
  // It was no easy ride.
  EXPECT_GT(hub_.joins(), 2 * kTails);
  EXPECT_GT(hub_.leaves(), kTails / 2);
  EXPECT_GT(most_own_, kMostCatchingUp / 2);
  EXPECT_GT(ended_, 0);
  for (Client& client : clients_) client.tail->OnGone();
  RunAll();
  EXPECT_EQ(kafka_.live_consumers("a-tail"), 0);
  clock_.Advance(absl::Seconds(5));
  RunAll();
  EXPECT_EQ(kafka_.live_consumers(), 1);  // The one for look-ups.
}

// EVENTBUS_SEED=n runs another schedule.
std::vector<unsigned> Seeds() {
  const char* seed = std::getenv("EVENTBUS_SEED");
  if (seed != nullptr) return {static_cast<unsigned>(std::atoi(seed))};
  return {1, 2};
}

INSTANTIATE_TEST_SUITE_P(Seeds, TailSharingTest, testing::ValuesIn(Seeds()));

}  // namespace
}  // namespace eventbus::bus
