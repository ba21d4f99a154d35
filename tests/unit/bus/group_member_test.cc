#include "server/bus/group_member.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/bus/settling.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const kafka::TopicPartition kOne{"document-events", 0};
const kafka::TopicPartition kTwo{"document-events", 1};
const kafka::TopicPartition kThree{"document-events", 2};

// A consumer under a cooperative assignor, which keeps what no rebalance takes: what happens to it
// is scripted.
class ScriptedConsumer final : public kafka::GroupConsumer {
 public:
  std::deque<std::function<void(kafka::GroupEvents&)>> group;
  std::deque<std::function<void(kafka::ConsumerEvents&)>> records;
  std::vector<std::pair<kafka::TopicPartition, std::int64_t>> assigned;  // Last.
  int assignments = 0;
  int released = 0;
  std::vector<kafka::GroupOffset> committed;

  absl::Status Assign(const std::vector<kafka::StartOffset>& positions) override {
    ++assignments;
    assigned.clear();
    for (const auto& each : positions) assigned.emplace_back(each.partition, each.offset);
    return absl::OkStatus();
  }
  int Poll(int /*max*/, kafka::ConsumerEvents& events) override {
    if (records.empty()) return 0;
    std::exchange(records.front(), nullptr)(events);
    records.pop_front();
    return 1;
  }
  std::int64_t CachedEnd(const kafka::TopicPartition&) const override { return -1; }
  absl::StatusOr<std::vector<kafka::Watermarks>> QueryWatermarks(
      const std::vector<kafka::TopicPartition>&, absl::Duration) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::vector<kafka::Watermarks>> QueryLedWatermarks(
      const std::vector<kafka::TopicPartition>&, absl::Duration) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::vector<std::int64_t>> QueryOffsetsForTime(
      const std::vector<kafka::TopicPartition>&, absl::Time, absl::Duration) override {
    return absl::UnimplementedError("");
  }
  absl::Status Join(const std::vector<std::string>&) override { return absl::OkStatus(); }
  int PollGroup(int max, kafka::GroupEvents& events) override {
    int found = 0;
    for (; found < max && !group.empty(); ++found) {
      const auto event = std::move(group.front());
      group.pop_front();
      event(events);
    }
    return found;
  }
  absl::Status Release() override {
    ++released;
    return absl::OkStatus();
  }
  void Commit(const std::vector<kafka::GroupOffset>& offsets, Done done) override {
    committed.insert(committed.end(), offsets.begin(), offsets.end());
    group.push_back([done = std::make_shared<Done>(std::move(done))](kafka::GroupEvents&) {
      (*done)(absl::OkStatus());
    });
  }
  absl::StatusOr<std::vector<kafka::GroupOffset>> QueryCommitted(
      const std::vector<kafka::TopicPartition>&, absl::Duration) override {
    return absl::UnimplementedError("");
  }
  void Leave(std::vector<kafka::GroupOffset> offsets, Done done) override {
    committed = std::move(offsets);
    done(absl::OkStatus());
  }
};

class GroupMemberTest : public testing::Test {
 protected:
  GroupMemberTest() {
    settling_.SetStream(7);
    reader_.SetAccount(&settling_);
    member_.Begin(consumer_, {kOne, kTwo});
  }

  void Poll() {
    settling_.Advance(now_);
    do {
      member_.Poll(now_, /*writing=*/false);
    } while (!consumer_->group.empty());
  }
  void Assign(const std::vector<kafka::TopicPartition>& partitions) {
    consumer_->group.push_back(
        [partitions](kafka::GroupEvents& events) { events.OnAssigned(partitions); });
    Poll();
  }
  // The answer to a look-up: each of these partitions has 100 records, and was read to `committed`.
  void LookedUp(const std::vector<kafka::TopicPartition>& partitions, std::int64_t committed,
                std::int64_t begin = 0) {
    GroupView view;
    for (const auto& partition : partitions) {
      view.views.push_back({partition, {begin, 100}, -1});
      view.committed.push_back({partition, committed, ""});
    }
    member_.OnLookedUp(view, Earliest{}, now_);
    Poll();
  }

  absl::Time now_ = absl::FromUnixSeconds(1000);
  std::shared_ptr<ScriptedConsumer> consumer_ = std::make_shared<ScriptedConsumer>();
  Settling settling_{SettlingOptions{}};
  Reader reader_{*fakes::Schema::Get().plan, ReaderOptions()};
  GroupMember member_{GroupMemberOptions(), reader_, settling_};
};

TEST_F(GroupMemberTest, WhatIsAssignedIsReadOnceItsStartIsKnownAndMarked) {
  Assign({kOne});
  EXPECT_FALSE(member_.reading());
  EXPECT_THAT(member_.TakeLookUp(now_).value(), ElementsAre(kOne));
  EXPECT_EQ(member_.TakeLookUp(now_), absl::nullopt) << "once";
  LookedUp({kOne}, 5);
  EXPECT_TRUE(member_.fixed());
  EXPECT_THAT(consumer_->assigned, ElementsAre(testing::Pair(kOne, 5)));
  ASSERT_EQ(consumer_->committed.size(), 1u);
  EXPECT_TRUE(ParseCommitMetadata(consumer_->committed[0].metadata, 5)->mark.open);
}

// Nor the other members, who wait for its answer.
TEST_F(GroupMemberTest, ALookUpThatFailsHoldsUpNothingThatIsRead) {
  Assign({kOne});
  member_.TakeLookUp(now_);
  member_.OnLookedUp(absl::UnavailableError("away"), Earliest{}, now_);
  EXPECT_EQ(consumer_->assignments, 1);
  EXPECT_THAT(consumer_->assigned, IsEmpty());
  EXPECT_FALSE(member_.reading());
  EXPECT_EQ(member_.TakeLookUp(now_), absl::nullopt) << "not at once";
  now_ += GroupMember::kRetry;
  EXPECT_THAT(member_.TakeLookUp(now_).value(), ElementsAre(kOne));
  LookedUp({kOne}, 5);
  Assign({kTwo});
  member_.TakeLookUp(now_);
  member_.OnLookedUp(absl::UnavailableError("away"), Earliest{}, now_);
  EXPECT_TRUE(member_.reading());
  EXPECT_THAT(consumer_->assigned, ElementsAre(testing::Pair(kOne, 5)));
  now_ += GroupMember::kRetry;
  EXPECT_THAT(member_.TakeLookUp(now_).value(), ElementsAre(kTwo));
  LookedUp({kTwo}, 7);
  EXPECT_THAT(consumer_->assigned, ElementsAre(testing::Pair(kOne, 5), testing::Pair(kTwo, 7)));
}

TEST_F(GroupMemberTest, WhatIsParkedWaitsForTheNextAssignmentWhateverBeginsMeanwhile) {
  Assign({kOne, kThree});
  member_.TakeLookUp(now_);
  LookedUp({kOne, kThree}, 5);
  Assign({kTwo});
  member_.TakeLookUp(now_);
  member_.OnLookedUp(absl::UnavailableError("away"), Earliest{}, now_);
  consumer_->group.push_back([](kafka::GroupEvents& events) { events.OnRevoked({kOne}, false); });
  Poll();
  const auto last = std::find_if(consumer_->committed.rbegin(), consumer_->committed.rend(),
                                 [](const auto& each) { return each.partition == kOne; });
  ASSERT_NE(last, consumer_->committed.rend());
  now_ += GroupMember::kRetry;
  EXPECT_THAT(member_.TakeLookUp(now_).value(), ElementsAre(kTwo));
  LookedUp({kTwo}, 7);
  EXPECT_THAT(consumer_->assigned, ElementsAre(testing::Pair(kTwo, 7), testing::Pair(kThree, 5)));
  EXPECT_EQ(settling_.Resume(kOne, *last), 5);
}

TEST_F(GroupMemberTest, OneMoreIsReadBesideThoseThatItHas) {
  Assign({kOne});
  member_.TakeLookUp(now_);
  LookedUp({kOne}, 5);
  Assign({kTwo});
  EXPECT_THAT(member_.TakeLookUp(now_).value(), ElementsAre(kTwo));
  LookedUp({kTwo}, 7);
  EXPECT_THAT(consumer_->assigned, ElementsAre(testing::Pair(kOne, 5), testing::Pair(kTwo, 7)));
}

// Else the answer would be taken for that of the partitions assigned.
TEST_F(GroupMemberTest, AnAnswerToALostPositionThatComesAfterAnAssignmentIsPassedOver) {
  Assign({kOne});
  member_.TakeLookUp(now_);
  LookedUp({kOne}, 5);
  consumer_->records.push_back([](kafka::ConsumerEvents& events) { events.OnPositionLost(kOne); });
  reader_.Read(10);
  EXPECT_THAT(member_.TakeLookUp(now_).value(), ElementsAre(kOne));
  Assign({kTwo});
  LookedUp({kOne}, 5, /*begin=*/20);
  EXPECT_THAT(member_.TakeLookUp(now_).value(), ElementsAre(kTwo));
  LookedUp({kTwo}, 7);
  EXPECT_THAT(member_.partitions(), ElementsAre(kOne, kTwo));
}

TEST_F(GroupMemberTest, WhatARebalanceTakesIsCommittedClosedAndReleased) {
  Assign({kOne, kTwo});
  member_.TakeLookUp(now_);
  LookedUp({kOne, kTwo}, 5);
  consumer_->committed.clear();
  consumer_->group.push_back(
      [](kafka::GroupEvents& events) { events.OnRevoked({kTwo}, /*lost=*/false); });
  Poll();
  EXPECT_EQ(consumer_->released, 1);
  EXPECT_THAT(consumer_->committed, ElementsAre(kafka::GroupOffset{kTwo, 5, ""}));
  EXPECT_THAT(member_.partitions(), ElementsAre(kOne));
  EXPECT_TRUE(member_.reading()) << "of what it keeps";
}

TEST_F(GroupMemberTest, WhatIsLostIsNotCommitted) {
  Assign({kOne});
  member_.TakeLookUp(now_);
  LookedUp({kOne}, 5);
  consumer_->committed.clear();
  consumer_->group.push_back(
      [](kafka::GroupEvents& events) { events.OnRevoked({kOne}, /*lost=*/true); });
  Poll();
  EXPECT_THAT(consumer_->committed, IsEmpty());
  EXPECT_TRUE(member_.TakeLoss());
  EXPECT_FALSE(member_.TakeLoss()) << "once";
}

}  // namespace
}  // namespace eventbus::bus
