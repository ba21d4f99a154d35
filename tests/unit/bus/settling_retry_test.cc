#include "server/bus/settling.h"
#include "tests/unit/bus/settling_fixture.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(SettlingTest, ARetryComesAgainAfterItsDelayWithOneAttemptMore) {
  const auto tokens = Deliver(kOne, 0, 1);
  EXPECT_EQ(Retry(tokens[0], absl::Seconds(5)), kDone);
  EXPECT_EQ(settling_->outstanding(), 0);
  EXPECT_EQ(settling_->next_due(), now_ + absl::Seconds(5));
  Advance(absl::Seconds(5) - absl::Nanoseconds(1));
  EXPECT_THAT(Take().offsets, IsEmpty());
  Advance(absl::Nanoseconds(1));
  const Out again = Take();
  EXPECT_THAT(again.offsets, ElementsAre(0));
  EXPECT_THAT(again.attempts, ElementsAre(2));
  EXPECT_EQ(Acknowledge(tokens[0]), kExpired);
  EXPECT_EQ(Acknowledge(again.tokens[0]), kDone);
  EXPECT_EQ(Due(kOne), 1);
}

TEST_F(SettlingTest, WithoutADelayTheBackoffDoubles) {
  Make({.min_backoff = absl::Seconds(1), .max_backoff = absl::Seconds(3)});
  AckToken token = Deliver(kOne, 0, 1)[0];
  for (const int seconds : {1, 2, 3, 3}) {
    Retry(token);
    EXPECT_EQ(settling_->next_due(), now_ + absl::Seconds(seconds));
    Advance(absl::Seconds(seconds));
    token = Take().tokens.at(0);
  }
}

TEST_F(SettlingTest, ARetryThatStillWaitsMayBeAskedForAgain) {
  const auto tokens = Deliver(kOne, 0, 1);
  Retry(tokens[0], absl::Seconds(5));
  EXPECT_EQ(Retry(tokens[0], absl::Seconds(5)), kDone);
  EXPECT_EQ(settling_->next_due(), now_ + absl::Seconds(5));
  EXPECT_EQ(Acknowledge(tokens[0]), kExpired) << "settled another way";
  Advance(absl::Seconds(5));
  EXPECT_THAT(Take().attempts, ElementsAre(2));
}

TEST_F(SettlingTest, LaterEventsOfTheKeyAreRecalledAndFollow) {
  const auto tokens = Deliver(kOne, 0, 3, 10, "k");
  Read(kOne, 3, "other");
  const Out other = Take();
  EXPECT_EQ(Retry(tokens[0], absl::Seconds(1)), kDone);
  EXPECT_EQ(settling_->outstanding(), 1) << "of the other key";
  EXPECT_EQ(Acknowledge(tokens[1]), kExpired);
  EXPECT_FALSE(Read(kOne, 4, "k")) << "held behind it";
  EXPECT_TRUE(Read(kOne, 5, "other"));
  EXPECT_THAT(Take().offsets, ElementsAre(5));
  Advance(absl::Seconds(1));
  const Out again = Take();
  EXPECT_THAT(again.offsets, ElementsAre(0, 1, 2, 4));
  EXPECT_THAT(again.attempts, ElementsAre(2, 1, 1, 1));
}

TEST_F(SettlingTest, SettledEventsAreNotRecalled) {
  const auto tokens = Deliver(kOne, 0, 3, 10, "k");
  Acknowledge(tokens[1]);
  Retry(tokens[0], absl::ZeroDuration());
  Advance(absl::ZeroDuration());
  EXPECT_THAT(Take().offsets, ElementsAre(0, 2));
}

TEST_F(SettlingTest, EarlierEventsOfTheKeyStay) {
  const auto tokens = Deliver(kOne, 0, 3, 10, "k");
  Retry(tokens[1], absl::ZeroDuration());
  EXPECT_EQ(Acknowledge(tokens[0]), kDone);
  Advance(absl::ZeroDuration());
  EXPECT_THAT(Take().offsets, ElementsAre(1, 2));
}

TEST_F(SettlingTest, EventsWithoutAKeyHaveNoOrder) {
  const auto tokens = Deliver(kOne, 0, 3);
  Retry(tokens[0], absl::Seconds(1));
  EXPECT_EQ(Acknowledge(tokens[1]), kDone);
  EXPECT_EQ(Acknowledge(tokens[2]), kDone);
}

TEST_F(SettlingTest, TheSameKeyInAnotherPartitionIsAnother) {
  const auto one = Deliver(kOne, 0, 1, 10, "k");
  const auto two = Deliver(kTwo, 0, 1, 10, "k");
  Retry(one[0], absl::Seconds(1));
  EXPECT_EQ(Acknowledge(two[0]), kDone);
}

TEST_F(SettlingTest, WhatIsCollectedIsRecalledToo) {
  const auto tokens = Deliver(kOne, 0, 1, 10, "k");
  Read(kOne, 1, "k");
  Read(kOne, 2, "other");
  Retry(tokens[0], absl::Seconds(1));
  EXPECT_THAT(Take().offsets, ElementsAre(2));
  Advance(absl::Seconds(1));
  EXPECT_THAT(Take().offsets, ElementsAre(0, 1));
}

TEST_F(SettlingTest, ALaterRetryOfTheKeyWaitsForItsOwnTime) {
  const auto tokens = Deliver(kOne, 0, 3, 10, "k");
  Retry(tokens[1], absl::Seconds(9));
  Retry(tokens[0], absl::Seconds(1));
  Advance(absl::Seconds(1));
  EXPECT_THAT(Take().offsets, ElementsAre(0));
  Advance(absl::Seconds(8));
  EXPECT_THAT(Take().offsets, ElementsAre(1, 2));
}

TEST_F(SettlingTest, OneRetryAndTheBatchsTokenMeanThisOneAgainTheRestIsDone) {
  const auto tokens = Deliver(kOne, 0, 3, 10, "k");
  const auto reasons = settling_->Settle({{tokens[3]}, {{tokens[0], absl::ZeroDuration()}}, {}});
  EXPECT_THAT(reasons, ElementsAre(kDone, kDone));
  Advance(absl::ZeroDuration());
  EXPECT_THAT(Take().offsets, ElementsAre(0));
}

TEST_F(SettlingTest, AWholeBatchMayBeRetried) {
  const auto tokens = Deliver(kOne, 0, 3, 10, "k");
  EXPECT_EQ(Retry(tokens[3], absl::ZeroDuration()), kDone);
  Advance(absl::ZeroDuration());
  const Out again = Take();
  EXPECT_THAT(again.offsets, ElementsAre(0, 1, 2));
  EXPECT_THAT(again.attempts, ElementsAre(2, 2, 2));
}

TEST_F(SettlingTest, FailuresTravelInTheMetadata) {
  Retry(Deliver(kOne, 0, 2)[1]);
  Commit();
  EXPECT_THAT(Metadata(kOne).failures, ElementsAre(Failures{1, 1}));
  const std::string metadata = committed_[kOne].metadata;
  Make({});
  Add(kOne, 0, FormatCommitMetadata({{{1, 4}}, {}, {}}, 0));
  Read(kOne, 0);
  Read(kOne, 1);
  EXPECT_THAT(Take().attempts, ElementsAre(1, 5));
}

TEST_F(SettlingTest, WaitingRetriesCountAsOutstanding) {
  Make({.max_events = 2});
  const auto tokens = Deliver(kOne, 0, 2);
  Retry(tokens[0], absl::Seconds(9));
  EXPECT_TRUE(settling_->full());
  Acknowledge(tokens[1]);
  EXPECT_FALSE(settling_->full());
}

TEST_F(SettlingTest, ARetryOfAPartitionThatIsGoneIsLost) {
  const auto tokens = Deliver(kOne, 0, 1);
  Retry(tokens[0], absl::Seconds(1));
  settling_->Remove(kOne);
  EXPECT_EQ(Retry(tokens[0]), kNotOwned);
  Advance(absl::Seconds(1));
  EXPECT_THAT(Take().offsets, IsEmpty());
  EXPECT_EQ(settling_->next_due(), absl::InfiniteFuture());
}

TEST_F(SettlingTest, SettlingBelowTheCommittedPrefixIsASuccessInAnyWay) {
  const auto two = Deliver(kTwo, 0, 1);  // So that what follows is remembered.
  const auto tokens = Deliver(kOne, 0, 2);
  Acknowledge(tokens[0]);
  EXPECT_EQ(Retry(tokens[0]), kExpired);
  Commit();
  EXPECT_EQ(Retry(tokens[0]), kDone);
  EXPECT_EQ(settling_->outstanding(), 2);
}

// ---- Dead letters.

TEST_F(SettlingTest, GivingUpNeedsATopicForIt) {
  const auto tokens = Deliver(kOne, 0, 1);
  EXPECT_EQ(GiveUp(tokens[0]), v1::ERROR_REASON_DEAD_LETTER_DISABLED);
  EXPECT_EQ(settling_->outstanding(), 1);
}

TEST_F(SettlingTest, WhatIsGivenUpIsSettledOnceItIsWritten) {
  Make({.dead_letters = true});
  const auto tokens = Deliver(kOne, 0, 2, 10, "k");
  EXPECT_EQ(GiveUp(tokens[0], "broken"), kDone);
  const auto letters = settling_->TakeLetters();
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_EQ(letters[0].second.event->offset, 0);
  EXPECT_EQ(letters[0].second.reason, "broken");
  EXPECT_EQ(letters[0].second.deliveries, 1);
  EXPECT_THAT(settling_->TakeLetters(), IsEmpty());
  Acknowledge(tokens[1]);
  Commit();
  EXPECT_EQ(committed_[kOne].offset, 0);
  settling_->LetterWritten(letters[0].first);
  Commit();
  EXPECT_EQ(committed_[kOne].offset, 2);
}

TEST_F(SettlingTest, ALetterThatCannotBeWrittenIsTriedAgainLaterAndLater) {
  Make({.dead_letters = true});
  GiveUp(Deliver(kOne, 0, 1)[0]);
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    const auto letters = settling_->TakeLetters();
    ASSERT_THAT(letters, SizeIs(1));
    settling_->LetterFailed(letters[0].first);
    EXPECT_EQ(settling_->Held()[0].blocked, v1::BLOCKED_REASON_DEAD_LETTER_UNWRITABLE);
    EXPECT_THAT(settling_->TakeLetters(), IsEmpty());
    EXPECT_EQ(settling_->next_due(), now_ + absl::Seconds(seconds));
    Advance(absl::Seconds(seconds));
  }
}

TEST_F(SettlingTest, LettersThatCannotBeWrittenDoNotStopTheRest) {
  Make({.max_events = 2, .dead_letters = true});
  const auto tokens = Deliver(kOne, 0, 2);
  EXPECT_TRUE(settling_->full());
  GiveUp(tokens[0]);
  Read(kTwo, 0, "k", 10, /*decodable=*/false);
  EXPECT_FALSE(settling_->full()) << "one is with the client";
  const auto letters = settling_->TakeLetters();
  ASSERT_THAT(letters, SizeIs(2));
  settling_->LetterFailed(letters[0].first);
  settling_->LetterWritten(letters[1].first);
  Deliver(kOne, 2, 1);
  EXPECT_TRUE(settling_->full());
  Acknowledge(tokens[1]);
  EXPECT_FALSE(settling_->full());
}

TEST_F(SettlingTest, NorDoTheirBytesButForTheirOwnPartition) {
  Make({.max_bytes = 100, .dead_letters = true});
  Read(kOne, 0, "k", 60, /*decodable=*/false);
  EXPECT_FALSE(settling_->IsPaused(kOne));
  Read(kOne, 1, "k", 60, /*decodable=*/false);
  EXPECT_FALSE(settling_->full());
  EXPECT_TRUE(settling_->IsPaused(kOne));
  EXPECT_FALSE(settling_->IsPaused(kTwo));
  const auto letters = settling_->TakeLetters();
  settling_->LetterWritten(letters[0].first);
  EXPECT_TRUE(settling_->IsPaused(kOne)) << "more than half of it is left";
  settling_->LetterWritten(letters[1].first);
  EXPECT_FALSE(settling_->IsPaused(kOne));
}

TEST_F(SettlingTest, TheLastFailureIsALetter) {
  Make({.dead_letters = true, .max_failures = 2});
  const auto tokens = Deliver(kOne, 0, 2, 10, "k");
  Retry(tokens[0], absl::ZeroDuration());
  EXPECT_THAT(settling_->TakeLetters(), IsEmpty());
  Advance(absl::ZeroDuration());
  const Out again = Take();
  Retry(again.tokens[0]);
  const auto letters = settling_->TakeLetters();
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_EQ(letters[0].second.reason, "max_delivery_attempts");
  EXPECT_EQ(letters[0].second.deliveries, 2);
  EXPECT_EQ(Acknowledge(again.tokens[1]), kDone) << "it left its key's order";
}

TEST_F(SettlingTest, WhatHasFailedForGoodIsNotDeliveredByWhoeverReadsItNext) {
  Make({.dead_letters = true, .max_failures = 2});
  Add(kOne, 0, FormatCommitMetadata({{{0, 2}}, {}, {}}, 0));
  EXPECT_FALSE(Read(kOne, 0));
  EXPECT_EQ(settling_->TakeLetters().at(0).second.reason, "max_delivery_attempts");
}

TEST_F(SettlingTest, UndecodableRecordsAreLettersWhereThereAreLetters) {
  EXPECT_TRUE(Read(kOne, 0, "k", 10, /*decodable=*/false));
  Make({.dead_letters = true});
  EXPECT_FALSE(Read(kOne, 0, "k", 10, /*decodable=*/false));
  const auto letters = settling_->TakeLetters();
  EXPECT_EQ(letters.at(0).second.reason, "undecodable");
  EXPECT_EQ(letters.at(0).second.deliveries, 0);
  EXPECT_FALSE(settling_->has_undelivered());
}

TEST_F(SettlingTest, ALetterOfAPartitionThatIsGoneSettlesNothing) {
  Make({.dead_letters = true});
  GiveUp(Deliver(kOne, 0, 1)[0]);
  const auto letters = settling_->TakeLetters();
  settling_->Remove(kOne);
  EXPECT_EQ(settling_->writing_letters(), 0);
  settling_->LetterWritten(letters.at(0).first);
  EXPECT_EQ(settling_->outstanding(), 0);
}

}  // namespace
}  // namespace eventbus::bus
