#include "server/bus/deliveries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "tests/unit/bus/held_events.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Outcome = Deliveries::Outcome;
using State = HeldEvent::State;

constexpr auto kDone = v1::ERROR_REASON_UNSPECIFIED;
constexpr auto kInvalid = v1::ERROR_REASON_ACK_TOKEN_INVALID;
constexpr auto kExpired = v1::ERROR_REASON_ACK_TOKEN_EXPIRED;
constexpr auto kNotOwned = v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED;
constexpr absl::Time kNow = absl::UnixEpoch();

class DeliveriesTest : public testing::Test {
 protected:
  // New events, as the next batch; the number of its last.
  std::uint64_t Deliver(int count) {
    for (int i = 0; i < count; ++i) Collect(Keep(*part_, next_offset_++));
    return deliveries_.TakeBatch(count, kNow).number;
  }
  std::uint64_t Collect(EventPtr event) {  // Perhaps one of events_.
    event->state = State::kCollected;
    event->number = deliveries_.Add(event);
    if (event->number == events_.size()) events_.push_back(event);
    events_[event->number] = event;
    return event->number;
  }
  void End(std::uint64_t number, Outcome outcome) {
    events_[number]->state =
        outcome == Outcome::kDone ? State::kSettled : State::kWaiting;  // Or a letter.
    deliveries_.End(*events_[number], outcome);
  }
  Deliveries::Found Find(std::uint64_t number, Verb verb = Verb::kAcknowledge, bool batch = false) {
    return deliveries_.Find({7, number, batch}, verb);
  }
  v1::ErrorReason Reason(std::uint64_t number, Verb verb = Verb::kAcknowledge) {
    const auto found = Find(number, verb);
    EXPECT_THAT(found.events, IsEmpty());
    return found.reason;
  }
  std::vector<std::int64_t> OffsetsOf(const Deliveries::Found& found) {
    std::vector<std::int64_t> offsets;
    for (const EventPtr& event : found.events) offsets.push_back(event->offset);
    return offsets;
  }

  const OwnPart part_ = MakePart();
  Deliveries deliveries_;
  std::vector<EventPtr> events_;  // By number.
  std::int64_t next_offset_ = 0;
};

TEST_F(DeliveriesTest, NumbersCountFromZeroAndBatchesAreNamedByTheirLast) {
  EXPECT_EQ(Deliver(2), 1u);
  EXPECT_EQ(Deliver(3), 4u);
  EXPECT_EQ(deliveries_.outstanding(), 5);
  EXPECT_THAT(OffsetsOf(Find(4, Verb::kAcknowledge, /*batch=*/true)), ElementsAre(2, 3, 4));
  EXPECT_THAT(OffsetsOf(Find(1, Verb::kRetry, /*batch=*/true)), ElementsAre(0, 1));
  EXPECT_EQ(Find(3, Verb::kAcknowledge, /*batch=*/true).reason, kInvalid);
  EXPECT_EQ(Find(5).reason, kInvalid);
}

TEST_F(DeliveriesTest, WhatIsCollectedIsWithNobody) {
  Collect(Keep(*part_, 3));
  Collect(Keep(*part_, 8));
  Collect(Keep(*part_, 5));
  EXPECT_TRUE(deliveries_.collecting());
  EXPECT_EQ(deliveries_.collected(), (Span{3, 9}));
  EXPECT_EQ(deliveries_.outstanding(), 0);
  EXPECT_EQ(deliveries_.oldest(), nullptr);
  EXPECT_EQ(Find(0).reason, kInvalid);
}

TEST_F(DeliveriesTest, WhatIsTakenBackLeavesItsNumbersToOthers) {
  Deliver(1);
  Collect(Keep(*part_, 1));
  Collect(Keep(*part_, 2));
  const auto back = deliveries_.TakeBack();
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back[0]->offset, 1);
  EXPECT_FALSE(deliveries_.collecting());
  EXPECT_EQ(deliveries_.collected(), Span());
  EXPECT_EQ(Collect(Keep(*part_, 3)), 1u);
  EXPECT_EQ(deliveries_.TakeBatch(1, kNow).number, 1u);
  EXPECT_THAT(OffsetsOf(Find(1)), ElementsAre(3));
}

TEST_F(DeliveriesTest, ABatchMayLeaveSomeOfThemForTheNext) {
  for (int i = 0; i < 3; ++i) Collect(Keep(*part_, i));
  EXPECT_EQ(deliveries_.TakeBatch(2, kNow).number, 1u);
  EXPECT_TRUE(deliveries_.collecting());
  EXPECT_EQ(deliveries_.collected(), (Span{2, 3}));
  EXPECT_EQ(deliveries_.TakeBatch(1, kNow).number, 2u);
  EXPECT_THAT(OffsetsOf(Find(2, Verb::kAcknowledge, true)), ElementsAre(2));
}

TEST_F(DeliveriesTest, SaysHowManyTheClientHasNotHadBefore) {
  Deliver(2);
  End(1, Outcome::kRetried);
  Collect(events_[1]);
  Collect(Keep(*part_, 2));
  EXPECT_EQ(deliveries_.TakeBatch(2, kNow).never_before, 1);
}

TEST_F(DeliveriesTest, AnEndIsASuccessForWhoWantedIt) {
  Deliver(5);
  End(1, Outcome::kDone);
  End(2, Outcome::kGivenUp);
  End(3, Outcome::kRetried);
  End(4, Outcome::kFailed);
  EXPECT_EQ(Reason(4, Verb::kRetry), kDone);
  EXPECT_EQ(Reason(4, Verb::kDeadLetter), kExpired);
  EXPECT_EQ(Reason(1, Verb::kAcknowledge), kDone);
  EXPECT_EQ(Reason(1, Verb::kRetry), kExpired);
  EXPECT_EQ(Reason(2, Verb::kDeadLetter), kDone);
  EXPECT_EQ(Reason(2, Verb::kAcknowledge), kExpired);
  EXPECT_EQ(Reason(3, Verb::kRetry), kDone);
  EXPECT_EQ(Reason(3, Verb::kAcknowledge), kExpired);
  EXPECT_EQ(deliveries_.outstanding(), 1);
}

TEST_F(DeliveriesTest, ARetryExpiresOnceItIsDeliveredAgain) {
  Deliver(1);
  End(0, Outcome::kRetried);
  EXPECT_EQ(Reason(0, Verb::kRetry), kDone);
  Collect(events_[0]);
  EXPECT_EQ(Reason(0, Verb::kRetry), kDone) << "not on its way yet";
  deliveries_.TakeBatch(1, kNow);
  EXPECT_EQ(Reason(0, Verb::kRetry), kExpired);
  EXPECT_THAT(OffsetsOf(Find(1)), ElementsAre(0));
}

TEST_F(DeliveriesTest, WhatIsLostIsNotOwnedWhetherItWasOutOrWaited) {
  Deliver(3);
  End(1, Outcome::kRetried);
  End(2, Outcome::kDone);
  deliveries_.Lose(*events_[0]);
  deliveries_.Lose(*events_[1]);
  EXPECT_EQ(Reason(0), kNotOwned);
  EXPECT_EQ(Reason(1, Verb::kRetry), kNotOwned);
  EXPECT_EQ(Reason(2), kDone);
  EXPECT_EQ(deliveries_.outstanding(), 0);
}

TEST_F(DeliveriesTest, ABatchsTokenStandsForWhatIsLeftOfIt) {
  Deliver(4);
  End(0, Outcome::kDone);
  End(2, Outcome::kExpired);
  EXPECT_THAT(OffsetsOf(Find(3, Verb::kAcknowledge, true)), ElementsAre(1, 3));
  End(1, Outcome::kDone);
  End(3, Outcome::kDone);
  EXPECT_EQ(Find(3, Verb::kAcknowledge, true).reason, kDone);
}

TEST_F(DeliveriesTest, TheOldestIsTheFirstThatIsStillOut) {
  Deliver(3);
  EXPECT_EQ(deliveries_.oldest(), events_[0]);
  End(1, Outcome::kDone);
  End(0, Outcome::kRetried);
  EXPECT_EQ(deliveries_.oldest(), events_[2]);
  Collect(events_[0]);
  deliveries_.TakeBatch(1, kNow);
  EXPECT_EQ(deliveries_.oldest(), events_[2]);
  End(2, Outcome::kDone);
  EXPECT_EQ(deliveries_.oldest(), events_[0]);
}

// One event that a client keeps, while another partition's events come and go by the million.
TEST_F(DeliveriesTest, WhatIsOverIsForgottenThoughTheOldestIsNot) {
  EXPECT_EQ(Deliver(10), 9u);
  std::weak_ptr<HeldEvent> old = events_[4];
  for (std::uint64_t i = 0; i < 10; ++i) {
    if (i != 2 && i != 5) End(i, i == 4 ? Outcome::kExpired : Outcome::kDone);
  }
  End(5, Outcome::kRetried);
  for (std::size_t i = 0; i < Deliveries::kRemembered; ++i) End(Deliver(1), Outcome::kDone);
  const EventPtr kept = events_[2];
  const EventPtr retried = events_[5];
  events_.clear();
  part_->Drop();
  EXPECT_TRUE(old.expired());
  EXPECT_EQ(deliveries_.oldest(), kept);
  EXPECT_EQ(Reason(4), kExpired);
  EXPECT_EQ(Reason(9), kDone);
  EXPECT_EQ(Reason(5, Verb::kRetry), kDone);
  EXPECT_THAT(OffsetsOf(Find(9, Verb::kAcknowledge, /*batch=*/true)), ElementsAre(2));
  retried->number = deliveries_.Add(retried);
  deliveries_.TakeBatch(1, kNow);
  EXPECT_EQ(Reason(5, Verb::kRetry), kExpired);
  kept->state = State::kSettled;
  deliveries_.End(*kept, Outcome::kDone);
  EXPECT_EQ(Reason(2), kDone);
  EXPECT_EQ(Find(9, Verb::kAcknowledge, /*batch=*/true).reason, kDone);
}

TEST_F(DeliveriesTest, WhatIsGivenUpIsSettledAnotherWayUntilItIsInTheDeadLetterTopic) {
  Deliver(1);
  End(0, Outcome::kGivenUp);
  for (std::size_t i = 0; i <= Deliveries::kRemembered; ++i) End(Deliver(1), Outcome::kDone);
  EXPECT_EQ(Reason(0, Verb::kDeadLetter), kDone);
  EXPECT_EQ(Reason(0, Verb::kAcknowledge), kExpired);
  EXPECT_EQ(Reason(0, Verb::kRetry), kExpired);
  deliveries_.Settle(*events_[0]);
  EXPECT_EQ(Reason(0, Verb::kDeadLetter), kDone);
  EXPECT_EQ(Reason(0, Verb::kAcknowledge), kDone) << "it is forgotten";
}

TEST_F(DeliveriesTest, AndLostWithItsPartition) {
  Deliver(1);
  End(0, Outcome::kFailed);
  deliveries_.Lose(*events_[0]);
  EXPECT_EQ(Reason(0, Verb::kRetry), kNotOwned);
}

// Against a plain list of what became of each number.
TEST_F(DeliveriesTest, IsAsAListOfAllOutcomes) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    Deliveries deliveries;
    const auto part = MakePart();
    std::vector<Outcome> model;                             // By number.
    std::map<std::uint64_t, EventPtr> out;                  // By number.
    std::vector<std::pair<std::uint64_t, EventPtr>> again;  // Those retried, by their numbers.
    std::vector<std::pair<std::uint64_t, EventPtr>> given;  // And those given up...
    std::set<std::uint64_t> written;                        // ...that are settled by now.
    std::int64_t offset = 0;
    for (int step = 0; step < 200; ++step) {
      if (random() % 3 == 0 || out.empty()) {
        const int count = 1 + static_cast<int>(random() % 4);
        std::vector<EventPtr> batch;
        for (int i = 0; i < count; ++i) {
          EventPtr event;
          if (!again.empty() && random() % 2 == 0) {
            model[again.back().first] = Outcome::kExpired;
            event = again.back().second;
            again.pop_back();
          } else {
            event = Keep(*part, offset++);
          }
          event->number = deliveries.Add(event);
          batch.push_back(event);
        }
        deliveries.TakeBatch(count, kNow);
        for (const EventPtr& event : batch) out[event->number] = event;
        model.resize(model.size() + batch.size(), Outcome::kOut);
        continue;
      }
      auto at = out.begin();
      std::advance(at, random() % out.size());
      const auto [number, event] = *at;
      out.erase(at);
      constexpr Outcome kEnds[] = {Outcome::kDone,   Outcome::kRetried, Outcome::kGivenUp,
                                   Outcome::kFailed, Outcome::kExpired, Outcome::kLost};
      const Outcome end = kEnds[random() % 6];
      model[number] = end;
      if (end == Outcome::kLost) {
        deliveries.Lose(*event);
        continue;
      }
      event->state = State::kWaiting;
      deliveries.End(*event, end);
      if (end == Outcome::kRetried) again.emplace_back(number, event);
      if (end == Outcome::kGivenUp || end == Outcome::kFailed) given.emplace_back(number, event);
      if (!given.empty() && random() % 2 == 0) {
        written.insert(given.back().first);
        deliveries.Settle(*given.back().second);
        given.pop_back();
      }
    }
    ASSERT_EQ(deliveries.outstanding(), static_cast<std::int64_t>(out.size())) << seed;
    ASSERT_EQ(deliveries.oldest(), out.empty() ? nullptr : out.begin()->second) << seed;
    for (std::uint64_t number = 0; number < model.size(); ++number) {
      const auto found = deliveries.Find({7, number, false}, Verb::kAcknowledge);
      ASSERT_EQ(found.events.size(), model[number] == Outcome::kOut ? 1u : 0u) << seed;
      if (model[number] == Outcome::kOut) continue;
      v1::ErrorReason expected = kExpired;
      if (model[number] == Outcome::kDone) expected = kDone;
      if (model[number] == Outcome::kLost) expected = kNotOwned;
      // Once it is forgotten it was settled in whatever way.
      if (written.contains(number) && found.reason == kDone) continue;
      ASSERT_EQ(found.reason, expected) << seed << ": " << number;
    }
  }
}

}  // namespace
}  // namespace eventbus::bus
