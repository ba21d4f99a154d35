#include "server/bus/settling.h"

#include "tests/unit/bus/settling_fixture.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(SettlingTest, TokensAreOfTheStreamAndNumberedInTheOrderOfDelivery) {
  const auto tokens = Deliver(kOne, 0, 2);
  EXPECT_EQ(tokens[0], (AckToken{7, 0, false}));
  EXPECT_EQ(tokens[1], (AckToken{7, 1, false}));
  EXPECT_EQ(tokens[2], (AckToken{7, 1, true}));
}

TEST_F(SettlingTest, WhatIsDeliveredIsNotCommittedUntilItIsSettled) {
  const auto tokens = Deliver(kOne, 0, 3);
  EXPECT_EQ(Due(kOne), -1);
  EXPECT_EQ(Acknowledge(tokens[0]), kDone);
  EXPECT_EQ(Due(kOne), 1);
  EXPECT_EQ(settling_->outstanding(), 2);
}

TEST_F(SettlingTest, WhatIsSettledOutOfOrderTravelsInTheMetadata) {
  const auto tokens = Deliver(kOne, 0, 4);
  Acknowledge(tokens[1]);
  Acknowledge(tokens[3]);
  const auto due = settling_->TakeDue();
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].offset, 0);
  EXPECT_THAT(ParseCommitMetadata(due[0].metadata, 0)->settled,
              ElementsAre(Span{1, 2}, Span{3, 4}));
}

TEST_F(SettlingTest, WhoGetsThePartitionNextDoesNotDeliverIt) {
  Add(kOne, 5, FormatCommitMetadata(Settled({{6, 7}}), 5));
  EXPECT_TRUE(settling_->Read(kOne, 5));
  EXPECT_FALSE(settling_->Read(kOne, 6));
  EXPECT_TRUE(settling_->Read(kOne, 7));
}

// Such as a legacy member's, or none at all: the offset alone counts.
TEST_F(SettlingTest, ForeignMetadataIsPassedOver) {
  Add(kOne, 5, "made by hand");
  EXPECT_TRUE(settling_->Read(kOne, 5));
  EXPECT_TRUE(settling_->Read(kOne, 6));
}

TEST_F(SettlingTest, ABatchsTokenSettlesAllOfIt) {
  const auto first = Deliver(kOne, 0, 3);
  const auto second = Deliver(kTwo, 0, 2);
  EXPECT_EQ(Acknowledge(first[3]), kDone);
  EXPECT_EQ(settling_->outstanding(), 2);
  EXPECT_EQ(Due(kOne), 3);
  EXPECT_EQ(Acknowledge(second[2]), kDone);
  EXPECT_EQ(settling_->outstanding(), 0);
}

TEST_F(SettlingTest, SettlingAgainIsASuccess) {
  const auto tokens = Deliver(kOne, 0, 2);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Acknowledge(tokens[1]), kDone);
    EXPECT_EQ(Acknowledge(tokens[0]), kDone);
    EXPECT_EQ(Acknowledge(tokens[2]), kDone);
  }
  EXPECT_EQ(settling_->outstanding(), 0);
}

TEST_F(SettlingTest, ANumberThatWasNotGivenOutIsInvalid) {
  const auto tokens = Deliver(kOne, 0, 2);
  EXPECT_EQ(Acknowledge({7, 2, false}), kInvalid);
  EXPECT_EQ(Acknowledge({7, 0, true}), kInvalid) << "not the end of a batch";
  Read(kOne, 2);
  EXPECT_EQ(Acknowledge({7, 2, false}), kInvalid) << "not with the client yet";
}

TEST_F(SettlingTest, WhatIsLostWithItsPartitionIsNotOwned) {
  const auto tokens = Deliver(kOne, 0, 3);
  const auto kept = Deliver(kTwo, 0, 1);
  Acknowledge(tokens[1]);
  settling_->Remove(kOne);
  EXPECT_EQ(Acknowledge(tokens[0]), kNotOwned);
  EXPECT_EQ(Acknowledge(tokens[1]), kDone);
  EXPECT_EQ(Acknowledge(tokens[2]), kNotOwned);
  EXPECT_EQ(Acknowledge(tokens[3]), kNotOwned);
  EXPECT_EQ(settling_->outstanding(), 1);
  EXPECT_EQ(Acknowledge(kept[0]), kDone);
}

TEST_F(SettlingTest, APartitionThatComesBackDeliversUnderNewTokens) {
  const auto before = Deliver(kOne, 0, 1);
  settling_->Remove(kOne);
  Add(kOne, 0);
  const auto after = Deliver(kOne, 0, 1);
  EXPECT_EQ(Acknowledge(before[0]), kNotOwned);
  EXPECT_EQ(Due(kOne), -1);
  EXPECT_EQ(Acknowledge(after[0]), kDone);
  EXPECT_EQ(Due(kOne), 1);
}

TEST_F(SettlingTest, APartitionThatWasParkedGoesOnWhereItWas) {
  const auto tokens = Deliver(kOne, 0, 3);
  Acknowledge(tokens[0]);
  Commit();
  ParkOne();
  EXPECT_FALSE(settling_->due());
  EXPECT_EQ(Acknowledge(tokens[1]), kDone) << "accepted meanwhile";
  EXPECT_THAT(settling_->TakeDue(), IsEmpty()) << "not Kafka's to know yet";
  EXPECT_EQ(Add(kOne, 1, committed_[kOne].metadata), 3);
  settling_->DropParked();
  EXPECT_EQ(committed_[kOne].offset, 2);
  EXPECT_TRUE(Metadata(kOne).mark.open) << "again";
  EXPECT_EQ(Acknowledge(tokens[2]), kDone);
  EXPECT_EQ(Due(kOne), 3);
}

// As where the answer is lost with the connection, and the next attempt comes of a member that the
// group has dropped meanwhile.
TEST_F(SettlingTest, SoDoesOneOfWhichKafkaHasACommitThatSeemedToFail) {
  const auto tokens = Deliver(kOne, 0, 3);
  Commit();
  Acknowledge(tokens[1]);
  const auto taken = settling_->TakeDue();
  ASSERT_EQ(taken.size(), 1U);
  settling_->Failed(taken, absl::UnavailableError("no answer"));
  Acknowledge(tokens[0]);
  settling_->Close(kOne);
  settling_->Failed(settling_->TakeLast(), absl::UnavailableError("unknown member"));
  settling_->Park(kOne);
  EXPECT_EQ(Add(kOne, 0, taken[0].metadata), 3);
  settling_->DropParked();
  EXPECT_EQ(committed_[kOne].offset, 2) << "what was acknowledged after it, too";
  EXPECT_EQ(Acknowledge(tokens[2]), kDone);
}

TEST_F(SettlingTest, WhatAParkedPartitionHadReadIsDeliveredOnceItIsBack) {
  Deliver(kOne, 0, 1);
  Read(kOne, 1);
  TakeBack();
  ParkOne();
  EXPECT_THAT(Take().offsets, IsEmpty());
  EXPECT_EQ(Add(kOne, 0, committed_[kOne].metadata), 2);
  EXPECT_THAT(Take().offsets, ElementsAre(1));
}

TEST_F(SettlingTest, AParkedPartitionThatSomebodyElseHadBeginsAnew) {
  const auto tokens = Deliver(kOne, 0, 3);
  ParkOne();
  EXPECT_EQ(Add(kOne, 2), 2);
  EXPECT_EQ(Acknowledge(tokens[2]), kNotOwned) << "though others may still be parked";
  EXPECT_EQ(settling_->outstanding(), 0);
}

// The same offset with other metadata: a legacy member's commit, or a newer one of another
// server's.
TEST_F(SettlingTest, SoDoesOneWhoseMetadataIsAnothers) {
  const auto tokens = Deliver(kOne, 0, 3);
  ParkOne();
  EXPECT_EQ(Add(kOne, 0, FormatCommitMetadata(Settled({{2, 3}}), 0)), 0);
  settling_->DropParked();
  EXPECT_EQ(Acknowledge(tokens[0]), kNotOwned);
}

TEST_F(SettlingTest, AParkedPartitionThatDoesNotComeBackIsLost) {
  const auto tokens = Deliver(kOne, 0, 1);
  ParkOne();
  settling_->DropParked();
  EXPECT_EQ(Acknowledge(tokens[0]), kNotOwned);
}

TEST_F(SettlingTest, ReadingStopsAtTheMostEventsAndAtTheMostBytes) {
  Make({.max_events = 2});
  const auto tokens = Deliver(kOne, 0, 2);
  EXPECT_TRUE(settling_->full());
  Acknowledge(tokens[1]);
  EXPECT_FALSE(settling_->full());
  Make({.max_bytes = 100});
  Deliver(kOne, 0, 1, 500);
  EXPECT_TRUE(settling_->full());
}

TEST_F(SettlingTest, APartitionIsPausedAtTheMostRecordsBehindOneThatIsNotSettled) {
  Make({.max_span = 4});
  const auto tokens = Deliver(kOne, 0, 4);
  EXPECT_TRUE(settling_->IsPaused(kOne));
  EXPECT_FALSE(settling_->IsPaused(kTwo));
  EXPECT_FALSE(settling_->full());
  const auto changes = settling_->pauses();
  for (const std::size_t i : {1u, 2u, 3u}) Acknowledge(tokens[i]);
  EXPECT_TRUE(settling_->IsPaused(kOne));
  EXPECT_EQ(settling_->pauses(), changes);
  Acknowledge(tokens[0]);
  EXPECT_FALSE(settling_->IsPaused(kOne));
  EXPECT_NE(settling_->pauses(), changes);
}

TEST_F(SettlingTest, ItGoesOnOnceHalfOfThemAreLeft) {
  Make({.max_span = 4});
  const auto tokens = Deliver(kOne, 0, 4);
  Acknowledge(tokens[0]);
  EXPECT_TRUE(settling_->IsPaused(kOne)) << "three are left";
  Acknowledge(tokens[1]);
  EXPECT_FALSE(settling_->IsPaused(kOne));
  Deliver(kOne, 4, 1);
  EXPECT_FALSE(settling_->IsPaused(kOne)) << "three again";
  Deliver(kOne, 5, 1);
  EXPECT_TRUE(settling_->IsPaused(kOne));
}

TEST_F(SettlingTest, WhatIsFilteredOutPausesAPartitionToo) {
  Make({.max_span = 2});
  Deliver(kOne, 0, 1);
  EXPECT_TRUE(settling_->Read(kOne, 1));
  settling_->Skip(kOne, 1);
  EXPECT_TRUE(settling_->IsPaused(kOne));
}

TEST_F(SettlingTest, TheOldestIsTheFirstThatIsNotSettled) {
  EXPECT_EQ(settling_->oldest(), absl::nullopt);
  const auto first = Deliver(kOne, 0, 1);
  Advance(absl::Seconds(5));
  const auto second = Deliver(kTwo, 0, 1);
  EXPECT_EQ(settling_->oldest(), now_ - absl::Seconds(5));
  Acknowledge(first[0]);
  EXPECT_EQ(settling_->oldest(), now_);
  Acknowledge(second[0]);
  EXPECT_EQ(settling_->oldest(), absl::nullopt);
}

TEST_F(SettlingTest, WhatIsSkippedCountsAsSettled) {
  settling_->Read(kOne, 0);
  settling_->Skip(kOne, 0);
  EXPECT_EQ(Due(kOne), 1);
  settling_->ReadTo(kOne, 4);
  EXPECT_EQ(Due(kOne), 4);
}

TEST_F(SettlingTest, WhatWasCollectedAndNotSentIsKept) {
  const auto tokens = Deliver(kOne, 0, 1);
  Read(kOne, 1);
  Read(kOne, 2);
  TakeBack();
  EXPECT_TRUE(settling_->has_undelivered());
  const Out again = Take();
  EXPECT_THAT(again.offsets, ElementsAre(1, 2));
  EXPECT_EQ(again.tokens[0].number, 1u);
  EXPECT_FALSE(settling_->has_undelivered());
  Acknowledge(tokens[0]);
  Acknowledge(again.tokens[2]);
  EXPECT_EQ(Due(kOne), 3);
}

// An event knows its partition, which knows its events.
TEST_F(SettlingTest, NothingIsLeftOfAPartitionThatIsGone) {
  Make({.dead_letters = true});
  std::vector<std::weak_ptr<HeldEvent>> kept;
  Deliver(kOne, 0, 4, 10, "k");
  GiveUp({7, 3, false});
  kept.push_back(settling_->TakeLetters().at(0).second.event);
  Deliver(kTwo, 0, 1);
  GiveUp({7, 4, false});
  kept.push_back(settling_->TakeLetters().at(0).second.event);
  Retry({7, 1, false});
  settling_->Remove(kOne);
  Deliver(kTwo, 1, 1);
  EXPECT_EQ(kept[0].use_count(), 0);
  settling_ = nullptr;
  EXPECT_EQ(kept[1].use_count(), 0);
}

// ---- What people are told.

TEST_F(SettlingTest, SaysWhatHoldsAPartitionBack) {
  EXPECT_EQ(settling_->Held()[0].blocked, v1::BLOCKED_REASON_UNSPECIFIED);
  Read(kOne, 0, "k");
  EXPECT_EQ(settling_->Held()[0].blocked, v1::BLOCKED_REASON_SLOW_READER);
  const Out out = Take();
  Advance(absl::Seconds(3));
  const HeldPart with_client = settling_->Held()[0];
  EXPECT_EQ(with_client.blocked, v1::BLOCKED_REASON_UNSETTLED);
  EXPECT_EQ(with_client.blocked_since, now_ - absl::Seconds(3));
  EXPECT_EQ(with_client.outstanding, 1);
  EXPECT_EQ(with_client.first->record.view().key, "k");
  Retry(out.tokens[0], absl::Seconds(1));
  const HeldPart waiting = settling_->Held()[0];
  EXPECT_EQ(waiting.blocked, v1::BLOCKED_REASON_RETRY_BACKOFF);
  EXPECT_EQ(waiting.first->delivery_attempt, 2);
  EXPECT_EQ(waiting.blocked_since, now_);
}

// ---- Commits.

TEST_F(SettlingTest, ACommitThatFailedIsDueAgain) {
  Acknowledge(Deliver(kOne, 0, 1)[0]);
  const auto due = settling_->TakeDue();
  EXPECT_THAT(settling_->TakeDue(), IsEmpty());
  settling_->Failed(due, absl::UnavailableError("away"));
  EXPECT_EQ(settling_->TakeDue(), due);
}

TEST_F(SettlingTest, MetadataThatKafkaDoesNotTakeIsLeftOut) {
  const auto tokens = Deliver(kOne, 0, 2);
  Acknowledge(tokens[1]);
  const auto due = settling_->TakeDue();
  ASSERT_NE(due.at(0).metadata, "");
  settling_->Failed(due, MakeError(v1::ERROR_REASON_EVENT_TOO_LARGE, "metadata"));
  EXPECT_THAT(settling_->TakeDue(), ElementsAre(kafka::GroupOffset{kOne, 0, ""}));
}

TEST_F(SettlingTest, TheLastCommitSaysAgainWhatIsOnItsWay) {
  Acknowledge(Deliver(kOne, 0, 1)[0]);
  const auto due = settling_->TakeDue();
  EXPECT_EQ(settling_->TakeLast(), due);
  settling_->Committed(due);
  settling_->Committed(due);
  EXPECT_THAT(settling_->TakeLast(), IsEmpty());
}

TEST_F(SettlingTest, APositionThatTheGroupDoesNotHaveIsDueAtOnce) {
  settling_->Add(kOne, 5, 5, absl::nullopt);
  EXPECT_TRUE(settling_->first_due());
  const auto due = settling_->TakeDue();
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].offset, 5);
  settling_->Committed(due);
  EXPECT_FALSE(settling_->first_due());
}

}  // namespace
}  // namespace eventbus::bus
