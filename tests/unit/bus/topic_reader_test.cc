#include "server/bus/topic_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/error.h"
#include "server/bus/tail_hub.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {
namespace {

using fakes::DocumentJson;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kTopic[] = "document-events";

class TopicReaderTest : public testing::Test {
 protected:
  struct Reading {
    std::unique_ptr<TopicReader::Member> member;
    Stamp stamp = 0;
    std::uint64_t chunk = 0;
    int woken = 0;
  };

  TopicReaderTest() {
    kafka_.AddTopic(kTopic, 2);
    monitor_.Start([](bool) {});
    Run();
  }
  ~TopicReaderTest() override {
    monitor_.Stop();
    executor_.Stop();
    blocking_.Stop();
  }

  static TailHubOptions Options() {
    TailHubOptions options;
    options.reader.window.max_chunks = 4;
    options.reader.client_id = "shared";
    return options;
  }

  void Run() {
    while (executor_.Run() + blocking_.Run() > 0) {
    }
  }
  void Advance(absl::Duration by) {
    clock_.Advance(by);
    Run();
  }

  // A member that has what is before `at`.
  std::unique_ptr<Reading> Enter(const Positions& at, bool include_json = false) {
    auto reading = std::make_unique<Reading>();
    reading->stamp = hub_.NextStamp();
    reading->member = hub_.Enter(
        kTopic, at, include_json, [raw = reading.get()] { ++raw->woken; }, reading->stamp);
    const auto found = reading->member->Find(at, reading->stamp);
    if (found.has_value()) reading->chunk = *found;
    Run();
    return reading;
  }

  // What comes next, until there is nothing more.
  static std::vector<std::shared_ptr<const Chunk>> Next(Reading& reading) {
    std::vector<std::shared_ptr<const Chunk>> chunks;
    while (auto chunk = reading.member->Next(reading.chunk).chunk) {
      chunks.push_back(std::move(chunk));
      ++reading.chunk;
    }
    return chunks;
  }
  static std::vector<std::int64_t> Offsets(Reading& reading) {
    std::vector<std::int64_t> offsets;
    for (const auto& chunk : Next(reading)) {
      for (const auto& entry : chunk->entries) offsets.push_back(entry.offset);
    }
    return offsets;
  }
  static bool Lost(Reading& reading) { return reading.member->Next(reading.chunk).lost; }

  fakes::ManualClock clock_;
  fakes::ManualExecutor executor_{clock_};
  fakes::ManualExecutor blocking_{clock_};
  fakes::FakeKafka kafka_;
  ClusterMonitor monitor_{kafka_, blocking_, clock_, ClusterMonitor::Options()};
  TailHub hub_{
      *fakes::Schema::Get().plan, kafka_, monitor_, executor_, blocking_, clock_, Options()};
};

TEST_F(TopicReaderTest, AMemberIsWokenForWhatItHasNotSeen) {
  const auto reading = Enter({0, 0});
  Offsets(*reading);
  const int before = reading->woken;
  kafka_.Append(kTopic, 0, DocumentJson(1));
  Run();
  EXPECT_EQ(reading->woken, before + 1);
  kafka_.Append(kTopic, 0, DocumentJson(2));  // It has not fetched the first yet.
  Run();
  EXPECT_EQ(reading->woken, before + 1);
  EXPECT_THAT(Offsets(*reading), ElementsAre(0, 1));
}

TEST_F(TopicReaderTest, MembersShareOneConsumerAndTheBytes) {
  const auto one = Enter({0, 0});
  const auto other = Enter({0, 0});
  EXPECT_EQ(kafka_.live_consumers("shared"), 1);
  kafka_.Append(kTopic, 0, DocumentJson(1));
  Run();
  const auto ones = Next(*one);
  const auto others = Next(*other);
  ASSERT_FALSE(ones.empty());
  EXPECT_EQ(ones.back()->bytes, others.back()->bytes);
}

TEST_F(TopicReaderTest, WhatIsWrittenBetweenALookUpAndTheFirstPollIsRead) {
  kafka_.Append(kTopic, 0, DocumentJson(1));  // After the ends were looked up.
  const auto reading = Enter({0, 0});
  EXPECT_THAT(Offsets(*reading), ElementsAre(0));
}

TEST_F(TopicReaderTest, JsonIsKeptOnlyForMembersWhoWantIt) {
  const auto plain = Enter({0, 0});
  auto json = Enter({0, 0}, true);
  kafka_.Append(kTopic, 0, DocumentJson(1));
  Run();
  const auto without = Next(*plain);
  const auto with = Next(*json);
  ASSERT_FALSE(without.empty());
  ASSERT_FALSE(with.empty());
  EXPECT_GT(with.back()->bytes->size(), without.back()->bytes->size() + DocumentJson(1).size());
  json.reset();
  kafka_.Append(kTopic, 0, DocumentJson(2));
  Run();
  // A window made anew knows nothing of what was read without it.
  const auto later = Enter({1, 0}, true);
  EXPECT_EQ(later->member->Find({1, 0}, later->stamp), absl::nullopt);
  EXPECT_NE(later->member->Find({2, 0}, later->stamp), absl::nullopt);
}

TEST_F(TopicReaderTest, ChunksFollowEachOtherWithoutAHole) {
  const auto reading = Enter({0, 0});
  for (int i = 0; i < 600; ++i) kafka_.Append(kTopic, i % 2, DocumentJson(i));
  kafka_.AppendControl(kTopic, 0);
  Run();
  Positions at = {0, 0};
  for (const auto& chunk : Next(*reading)) {
    EXPECT_EQ(chunk->begin, at);
    EXPECT_LE(chunk->entries.size(), 256u);
    at = chunk->next;
  }
  EXPECT_THAT(at, ElementsAre(301, 300));
}

TEST_F(TopicReaderTest, OneThatIsTooSlowFallsOut) {
  const auto reading = Enter({0, 0});
  for (int i = 0; i < 10; ++i) {
    kafka_.Append(kTopic, 0, DocumentJson(i));
    Run();
  }
  EXPECT_TRUE(Lost(*reading));
  EXPECT_EQ(reading->member->Find({0, 0}, reading->stamp), absl::nullopt);
  EXPECT_NE(reading->member->Find({9, 0}, reading->stamp), absl::nullopt);
}

TEST_F(TopicReaderTest, APartitionThatAppearsIsReadFromItsBeginning) {
  const auto reading = Enter({0, 0});
  kafka_.AddTopic(kTopic, 3);
  kafka_.Append(kTopic, 2, DocumentJson(1));
  Advance(absl::Seconds(2));  // The monitor hears of it.
  reading->member->Poke();
  Run();
  const auto chunks = Next(*reading);
  ASSERT_FALSE(chunks.empty());
  EXPECT_THAT(chunks.back()->next, ElementsAre(0, 0, 1));
  EXPECT_EQ(chunks.back()->entries.size(), 1u);
}

TEST_F(TopicReaderTest, APositionLostPutsEveryoneOutUntilItIsReadAgainAtTheEnd) {
  const auto reading = Enter({0, 0});
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  kafka_.Truncate(kTopic, 0, 3);
  Run();
  EXPECT_TRUE(Lost(*reading));
  EXPECT_EQ(reading->member->since(), absl::nullopt);
  EXPECT_EQ(reading->member->Find({5, 0}, hub_.NextStamp()), absl::nullopt);
  const int woken = reading->woken;
  Advance(absl::Seconds(1));
  EXPECT_GT(reading->woken, woken);
  EXPECT_NE(reading->member->Find({5, 0}, hub_.NextStamp()), absl::nullopt);
  EXPECT_EQ(reading->member->Find({4, 0}, hub_.NextStamp()), absl::nullopt);
}

// Else a position of the old log would be waited for in the new one.
TEST_F(TopicReaderTest, AStampOfBeforeARestartDoesNotJoin) {
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, DocumentJson(i));
  const auto reading = Enter({5, 0});
  kafka_.Recreate(kTopic);
  Run();
  Advance(absl::Seconds(1));
  EXPECT_EQ(reading->member->Find({5, 0}, reading->stamp), absl::nullopt);
  EXPECT_GT(*reading->member->since(), reading->stamp);
}

TEST_F(TopicReaderTest, AnErrorMakesAConsumerAnew) {
  const auto reading = Enter({0, 0});
  kafka_.FailConsumers(MakeError(v1::ERROR_REASON_INTERNAL, "dead"));
  Run();
  EXPECT_TRUE(Lost(*reading));
  EXPECT_EQ(kafka_.live_consumers("shared"), 0);
  kafka_.FailConsumers(absl::OkStatus());
  Advance(absl::Seconds(1));
  EXPECT_EQ(kafka_.live_consumers("shared"), 1);
  const Stamp stamp = hub_.NextStamp();
  reading->chunk = *reading->member->Find({0, 0}, stamp);
  kafka_.Append(kTopic, 0, DocumentJson(1));
  Run();
  EXPECT_THAT(Offsets(*reading), ElementsAre(0));
}

TEST_F(TopicReaderTest, AnOutageAtItsBeginningIsWaitedFor) {
  kafka_.SetError(MakeError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  const auto reading = Enter({0, 0});
  kafka_.Append(kTopic, 0, DocumentJson(1));
  Run();
  EXPECT_FALSE(Lost(*reading));
  kafka_.SetError(absl::OkStatus());
  Advance(absl::Seconds(1));
  EXPECT_THAT(Offsets(*reading), ElementsAre(0));
}

TEST_F(TopicReaderTest, ItStaysForAWhileAfterItsLastMember) {
  auto reading = Enter({0, 0});
  reading.reset();
  Advance(absl::Seconds(4));
  kafka_.Append(kTopic, 0, DocumentJson(1));
  Run();
  // Whoever comes back finds what came meanwhile.
  reading = Enter({0, 0});
  EXPECT_THAT(Offsets(*reading), ElementsAre(0));
  Advance(absl::Seconds(10));
  EXPECT_EQ(kafka_.live_consumers("shared"), 1);
  reading.reset();
  Run();
  Advance(absl::Seconds(5));
  EXPECT_EQ(kafka_.live_consumers("shared"), 0);
}

TEST_F(TopicReaderTest, AConsumerThatComesTooLateIsNotLeftBehind) {
  Stamp stamp = 0;
  hub_.Enter(
          kTopic, {0, 0}, false, [] {}, stamp)
      .reset();
  executor_.Run();
  clock_.Advance(absl::Seconds(6));
  executor_.Run();
  Run();  // Only now it is opened.
  EXPECT_EQ(kafka_.live_consumers("shared"), 0);
}

TEST_F(TopicReaderTest, AfterItHasClosedAnotherOpensAtTheNewEnds) {
  Enter({0, 0}).reset();
  Run();
  Advance(absl::Seconds(5));
  kafka_.Append(kTopic, 0, DocumentJson(1));
  const auto reading = Enter({1, 0});
  EXPECT_EQ(kafka_.live_consumers("shared"), 1);
  kafka_.Append(kTopic, 0, DocumentJson(2));
  Run();
  EXPECT_THAT(Offsets(*reading), ElementsAre(1));
}

TEST_F(TopicReaderTest, WhereNoneIsOpenThereMayBeNoMember) {
  EXPECT_EQ(hub_.EnterIfOpen(kTopic, false, [] {}), nullptr);
  const auto reading = Enter({0, 0});
  EXPECT_NE(hub_.EnterIfOpen(kTopic, false, [] {}), nullptr);
}

TEST_F(TopicReaderTest, EndsAreThoseLastHeardOf) {
  const auto reading = Enter({0, 0});
  kafka_.Append(kTopic, 1, DocumentJson(1));
  Run();
  EXPECT_THAT(reading->member->Ends(), ElementsAre(0, 1));
}

}  // namespace
}  // namespace eventbus::bus
