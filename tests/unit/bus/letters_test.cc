#include "server/bus/letters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/bus/held_events.h"

namespace eventbus::bus {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr absl::Time kNow = absl::UnixEpoch();

class LettersTest : public testing::Test {
 protected:
  EventPtr Add(std::int64_t offset, absl::Time now = kNow) {
    EventPtr event = Keep(*part_, offset, "k");
    event->state = HeldEvent::State::kLetter;
    letters_.Add({event, 1, "broken"}, now);
    return event;
  }

  const OwnPart part_ = MakePart();
  Letters letters_;
};

TEST_F(LettersTest, ALetterIsTakenOnceAndAtOnce) {
  EXPECT_EQ(letters_.next_due(), absl::InfiniteFuture());
  const EventPtr event = Add(0);
  EXPECT_EQ(letters_.next_due(), kNow);
  EXPECT_EQ(letters_.writing(), 0);
  const auto due = letters_.TakeDue(kNow);
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].second.event, event);
  EXPECT_EQ(due[0].second.reason, "broken");
  EXPECT_EQ(letters_.writing(), 1);
  EXPECT_THAT(letters_.TakeDue(kNow), IsEmpty());
  EXPECT_EQ(letters_.next_due(), absl::InfiniteFuture());
  EXPECT_EQ(letters_.Written(due[0].first), event);
  EXPECT_EQ(letters_.writing(), 0);
}

TEST_F(LettersTest, OneThatFailedIsDueLaterEachByItself) {
  Add(0);
  const auto first = letters_.TakeDue(kNow);
  letters_.Failed(first[0].first, kNow);
  EXPECT_EQ(letters_.next_due(), kNow + Letters::kMinBackoff);
  Add(1);
  EXPECT_EQ(letters_.next_due(), kNow);
  const auto second = letters_.TakeDue(kNow);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].second.event->offset, 1);
  EXPECT_THAT(letters_.TakeDue(kNow + Letters::kMinBackoff), SizeIs(1));
}

TEST_F(LettersTest, TheBackoffDoublesUpToItsMost) {
  Add(0);
  absl::Time now = kNow;
  absl::Duration backoff = Letters::kMinBackoff;
  for (int i = 0; i < 100; ++i) {
    const auto due = letters_.TakeDue(now);
    ASSERT_THAT(due, SizeIs(1)) << i;
    letters_.Failed(due[0].first, now);
    EXPECT_EQ(letters_.next_due(), now + backoff) << i;
    now += backoff;
    backoff = std::min(Letters::kMaxBackoff, backoff * 2);
  }
}

TEST_F(LettersTest, KnowsWhichHasFailed) {
  const EventPtr one = Add(0);
  const EventPtr two = Add(1);
  const auto due = letters_.TakeDue(kNow);
  EXPECT_FALSE(letters_.HasFailed(*one));
  letters_.Failed(due[0].first, kNow);
  EXPECT_TRUE(letters_.HasFailed(*one));
  EXPECT_FALSE(letters_.HasFailed(*two));
  const auto again = letters_.TakeDue(kNow + absl::Seconds(1));
  EXPECT_TRUE(letters_.HasFailed(*one)) << "until it is written";
  letters_.Written(again.at(0).first);
  EXPECT_FALSE(letters_.HasFailed(*one));
}

TEST_F(LettersTest, ThoseWhoseEventIsGoneAreForgotten) {
  const EventPtr writing = Add(0);
  const auto due = letters_.TakeDue(kNow);
  const EventPtr waiting = Add(1);
  const EventPtr stays = Add(2);
  writing->state = HeldEvent::State::kGone;
  waiting->state = HeldEvent::State::kGone;
  letters_.DropGone();
  EXPECT_EQ(letters_.writing(), 0);
  EXPECT_EQ(letters_.Written(due[0].first), nullptr);
  letters_.Failed(due[0].first, kNow);
  EXPECT_EQ(letters_.writing(), 0);
  EXPECT_THAT(letters_.TakeDue(kNow), SizeIs(1));
}

}  // namespace
}  // namespace eventbus::bus
