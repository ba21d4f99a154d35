#include "server/bus/topic_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::Optional;

std::shared_ptr<const Chunk> MakeChunk(Positions begin, Positions next) {
  auto chunk = std::make_shared<Chunk>();
  chunk->bytes = std::make_shared<const std::string>("x");
  chunk->begin = std::move(begin);
  chunk->next = std::move(next);
  return chunk;
}

// Opened at 10, when the stamp was 5.
class TopicWindowTest : public testing::Test {
 protected:
  TopicWindow::Member MakeMember(bool include_json) {
    return {include_json, [this] { ++woken_; }};
  }
  void Enter(TopicWindow::Member& member) { EXPECT_TRUE(window_.Enter(member)); }
  void PublishPlain(std::int64_t begin, std::int64_t next) {
    window_.Publish({MakeChunk({begin}, {next}), nullptr}, {next});
  }

  const absl::Time now_ = absl::UnixEpoch();
  TopicWindow window_{{}, {10}, 5, now_};
  int woken_ = 0;
  TopicWindow::Member plain_ = MakeMember(false);
  TopicWindow::Member json_ = MakeMember(true);
};

TEST_F(TopicWindowTest, AFormIsWantedWhileItHasMembers) {
  EXPECT_THAT(window_.Wanted(), ElementsAre(false, false));
  Enter(plain_);
  Enter(json_);
  EXPECT_THAT(window_.Wanted(), ElementsAre(true, true));
  window_.Leave(json_, now_);
  EXPECT_THAT(window_.Wanted(), ElementsAre(true, false));
}

TEST_F(TopicWindowTest, TheLastMembersFormIsKeptForOneWhoComesBack) {
  Enter(plain_);
  PublishPlain(10, 20);
  EXPECT_TRUE(window_.Leave(plain_, now_ + absl::Seconds(1)));
  EXPECT_THAT(window_.unused_since(), Optional(now_ + absl::Seconds(1)));
  EXPECT_THAT(window_.Wanted(), ElementsAre(true, false));
  Enter(plain_);
  EXPECT_THAT(window_.Find(false, {10}, 5), Optional(0u));
  EXPECT_EQ(window_.unused_since(), absl::nullopt);
}

// The chunk was begun before anybody wanted it in this form.
TEST_F(TopicWindowTest, AFormThatComesWhileAChunkIsReadBeginsAfterIt) {
  Enter(plain_);
  Enter(json_);
  const std::uint64_t waits = *window_.Find(true, {10}, 5);
  PublishPlain(10, 20);
  EXPECT_TRUE(window_.Next(json_, waits).lost);
  EXPECT_EQ(window_.Find(true, {10}, 5), absl::nullopt);
  EXPECT_NE(window_.Find(true, {20}, 5), absl::nullopt);
}

TEST_F(TopicWindowTest, OnlyWhoWaitsIsWoken) {
  Enter(plain_);
  Enter(json_);
  EXPECT_EQ(window_.Next(plain_, 0).chunk, nullptr);
  PublishPlain(10, 20);
  EXPECT_EQ(woken_, 1);
  PublishPlain(20, 30);
  EXPECT_EQ(woken_, 1);
}

TEST_F(TopicWindowTest, StopPutsEveryoneOutAndWakesAll) {
  Enter(plain_);
  Enter(json_);
  window_.Stop();
  EXPECT_EQ(woken_, 2);
  EXPECT_TRUE(window_.Next(plain_, 0).lost);
  EXPECT_EQ(window_.since(), absl::nullopt);
  EXPECT_EQ(window_.Find(false, {99}, 99), absl::nullopt);
}

TEST_F(TopicWindowTest, AnewOnlyPositionsFoundSinceThenLeadOn) {
  Enter(plain_);
  window_.Stop();
  window_.BeginAnew({3}, 8);
  EXPECT_EQ(window_.Find(false, {50}, 7), absl::nullopt);
  EXPECT_NE(window_.Find(false, {3}, 8), absl::nullopt);
  EXPECT_THAT(window_.ends(), ElementsAre(3));
}

TEST_F(TopicWindowTest, IsClosedOnlyWithoutMembersAndThenTakesNone) {
  Enter(plain_);
  EXPECT_FALSE(window_.Close());
  window_.Leave(plain_, now_);
  EXPECT_TRUE(window_.Close());
  EXPECT_FALSE(window_.Enter(plain_));
}

}  // namespace
}  // namespace eventbus::bus
