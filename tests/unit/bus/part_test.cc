#include "server/bus/part.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/bus/held_events.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using State = HeldEvent::State;

constexpr absl::Time kNow = absl::UnixEpoch();

OwnPart PartOf(const CommitMetadata& metadata, std::int64_t position, std::int64_t end = 1000) {
  const kafka::TopicPartition partition{"document-events", 0};
  return OwnPart(std::make_shared<Part>(
      partition, position,
      kafka::GroupOffset{partition, position, FormatCommitMetadata(metadata, position)}, end,
      Part::Limits()));
}

CommitMetadata Metadata(const Part& part) {
  const kafka::GroupOffset offset = part.offset();
  return ParseCommitMetadata(offset.metadata, offset.offset).value();
}

std::vector<std::int64_t> TakeAllReady(Part& part) {
  std::vector<std::int64_t> offsets;
  while (part.next_ready() != nullptr) offsets.push_back(part.TakeReady()->offset);
  return offsets;
}

std::vector<std::int64_t> Offsets(const std::vector<EventPtr>& events) {
  std::vector<std::int64_t> offsets;
  for (const EventPtr& event : events) offsets.push_back(event->offset);
  return offsets;
}

EventPtr Out(Part& part, std::int64_t offset, absl::optional<absl::string_view> key) {
  EventPtr event = Keep(part, offset, key);
  event->state = State::kOut;
  return event;
}

// ---- What it begins with.

TEST(PartTest, WhatIsGoneIsInItsCommitsUntilTheClientHasWhatFollowedItsTelling) {
  const OwnPart part = PartOf({{}, {}, {{12, 14}}}, 10);
  part->AddGap({7, 10});
  EXPECT_EQ(part->offset().offset, 10);
  EXPECT_THAT(Metadata(*part).gaps, ElementsAre(Span{7, 10}));
  EXPECT_THAT(Metadata(*part).settled, ElementsAre(Span{12, 14}));
  part->PassGaps(100);
  EXPECT_THAT(Metadata(*part).gaps, ElementsAre(Span{7, 10})) << "it is not told";
  part->TellGaps(10, /*next=*/5);
  part->PassGaps(4);
  EXPECT_THAT(Metadata(*part).gaps, ElementsAre(Span{7, 10})) << "that went before it";
  part->commits().Take(part->offset());
  part->PassGaps(5);
  EXPECT_TRUE(part->commits().due());
  EXPECT_THAT(Metadata(*part).gaps, IsEmpty());
}

TEST(PartTest, WhatItCommitsIsItsPrefixWithAnOpenMark) {
  const auto part = MakePart(5);
  EXPECT_EQ(part->offset().offset, 5);
  EXPECT_EQ(Metadata(*part).mark, (Mark{true, 0, 0, {}}));
  EXPECT_TRUE(part->commits().due());
  EXPECT_FALSE(part->commits().confirmed());
}

TEST(PartTest, GoesOnWithWhatTheGroupRemembers) {
  const auto part = PartOf({{{6, 2}}, {false, 9, 7, {}}, {{7, 8}}}, 5);
  EXPECT_EQ(part->failures(6), 2);
  EXPECT_FALSE(part->ledger().IsSettled(5));
  EXPECT_TRUE(part->ledger().IsSettled(7));
  EXPECT_TRUE(part->careful());
  EXPECT_EQ(Metadata(*part), (CommitMetadata{{{6, 2}}, {true, 9, 7, {}}, {{7, 8}}}));
}

TEST(PartTest, AnEventsBytesAreThoseOfKeyValueAndHeaders) {
  const auto part = MakePart();
  kafka::RecordView record;
  record.topic = "document-events";
  record.key = "key";
  record.value = "value";
  record.headers = {{"header", "of 5b"}, {"none", absl::nullopt}};
  part->Read(0);
  EXPECT_EQ(part->Keep(record, kNow)->bytes, 3 + 5 + 6 + 5 + 4);
}

TEST(PartTest, FoundOpenItIsCarefulAsFarAsAMemberReaches) {
  const CommitMetadata open{{}, {true, 0, 0, {}}, {}};
  EXPECT_EQ(PartOf(open, 5, /*end=*/100)->caution().until(), 100);
  EXPECT_EQ(PartOf(open, 5, /*end=*/1'000'000)->caution().until(), 10'005);
}

TEST(PartTest, WhereRetentionTookTheGroupsOffsetWhatItRemembersPastThatCounts) {
  const kafka::TopicPartition partition{"document-events", 0};
  const CommitMetadata known{{{6, 2}, {21, 3}}, {true, 0, 0, {6, 7}}, {{7, 8}, {18, 21}, {30, 31}}};
  const OwnPart part(std::make_shared<Part>(
      partition, /*position=*/20, kafka::GroupOffset{partition, 5, FormatCommitMetadata(known, 5)},
      /*end=*/1000, Part::Limits()));
  EXPECT_EQ(part->offset().offset, 21) << "20 is settled";
  EXPECT_THAT(Metadata(*part).failures, ElementsAre(Failures{21, 3}))
      << "the one that is gone has no failure more";
  EXPECT_THAT(Metadata(*part).settled, ElementsAre(Span{30, 31}));
  EXPECT_FALSE(part->Read(20));
  EXPECT_TRUE(part->Read(21));
  EXPECT_FALSE(part->Read(30));
}

TEST(PartTest, TheOneThatWasAloneWithTheLastMemberHasFailed) {
  EXPECT_EQ(PartOf({{{6, 2}}, {true, 9, 7, {6, 7}}, {}}, 5)->failures(6), 3);
}

TEST(PartTest, NotIfItIsSettled) {
  EXPECT_EQ(PartOf({{}, {true, 9, 9, {6, 7}}, {{6, 7}}}, 5)->failures(6), 0);
}

TEST(PartTest, ClosedItsMarkIsNotOpenUntilItIsOpenedAgain) {
  const auto part = MakePart();
  part->Close();
  EXPECT_EQ(part->offset().metadata, "");
  part->Open();
  EXPECT_TRUE(Metadata(*part).mark.open);
  EXPECT_FALSE(part->commits().confirmed());
}

TEST(PartTest, BareItCommitsItsPrefixAlone) {
  const auto part = MakePart();
  part->GoBare();
  EXPECT_EQ(part->offset().metadata, "");
}

// ---- Failures.

TEST(PartTest, FailuresAreCommittedUntilTheirEventIsSettled) {
  const auto part = MakePart();
  for (int i = 0; i < 3; ++i) Keep(*part, i);
  part->Fail(1);
  EXPECT_EQ(part->Fail(1), 2);
  part->Fail(2);
  EXPECT_EQ(Metadata(*part).failures, (std::vector<Failures>{{1, 2}, {2, 1}}));
  part->Settle(2);
  EXPECT_EQ(Metadata(*part).failures, (std::vector<Failures>{{1, 2}}));
  part->Settle(0);
  part->Settle(1);
  EXPECT_THAT(Metadata(*part).failures, IsEmpty());
  EXPECT_EQ(part->failures(1), 0) << "forgotten below the prefix";
}

// ---- Order.

TEST(PartTest, WhatIsReadyGoesInTheOrderOfItsBecomingSo) {
  const auto part = MakePart();
  part->MakeReady(Keep(*part, 0), kNow);
  part->MakeReady(Keep(*part, 1), kNow);
  part->MakeReadyFirst(Keep(*part, 2), kNow);
  EXPECT_THAT(TakeAllReady(*part), ElementsAre(2, 0, 1));
}

TEST(PartTest, WhatWaitsIsReadyAtItsTimeAndHoldsItsKeyUp) {
  const auto part = MakePart();
  const EventPtr event = Keep(*part, 0, "k");
  part->Wait(event, kNow + absl::Seconds(5), kNow);
  kafka::RecordView next;
  next.key = "k";
  EXPECT_TRUE(part->MustWait(next));
  next.key = "other";
  EXPECT_FALSE(part->MustWait(next));
  part->Release(kNow + absl::Seconds(4));
  EXPECT_EQ(part->next_ready(), nullptr);
  EXPECT_EQ(part->next_due(), kNow + absl::Seconds(5));
  part->Release(kNow + absl::Seconds(5));
  EXPECT_EQ(part->next_ready(), event);
  EXPECT_EQ(event->since, kNow + absl::Seconds(5));
}

TEST(PartTest, ARecallTakesWhatIsOutOrReadyBehindTheFirst) {
  const auto part = MakePart();
  const EventPtr before = Out(*part, 0, "k");
  const EventPtr first = Out(*part, 1, "k");
  const EventPtr out = Out(*part, 2, "k");
  const EventPtr other = Out(*part, 3, "other");
  const EventPtr keyless = Out(*part, 4, absl::nullopt);
  const EventPtr ready = Keep(*part, 5, "k");
  const EventPtr ready_other = Keep(*part, 6, "other");
  part->MakeReady(ready, kNow);
  part->MakeReady(ready_other, kNow);
  part->Wait(first, kNow + absl::Seconds(1), kNow);
  EXPECT_THAT(Offsets(part->Recall({{"k", 1}}, kNow)), ElementsAre(2));
  EXPECT_EQ(before->state, State::kOut);
  EXPECT_EQ(other->state, State::kOut);
  EXPECT_EQ(keyless->state, State::kOut);
  EXPECT_THAT(TakeAllReady(*part), ElementsAre(6));
  part->Release(kNow + absl::Seconds(1));
  EXPECT_THAT(TakeAllReady(*part), ElementsAre(1, 2, 5));
}

TEST(PartTest, ARecallLeavesWhatIsSettledGivenUpOrWaitsAlready) {
  const auto part = MakePart();
  const EventPtr first = Out(*part, 0, "k");
  const EventPtr letter = Keep(*part, 1, "k");
  letter->state = State::kLetter;
  const EventPtr waits = Keep(*part, 2, "k");
  part->Wait(waits, kNow + absl::Seconds(9), kNow);
  const EventPtr settled = Out(*part, 3, "k");
  settled->state = State::kSettled;
  part->Settle(3);
  part->Wait(first, kNow + absl::Seconds(1), kNow);
  EXPECT_THAT(part->Recall({{"k", 0}}, kNow), IsEmpty());
  EXPECT_EQ(letter->state, State::kLetter);
  EXPECT_EQ(settled->state, State::kSettled);
  part->Release(kNow + absl::Seconds(1));
  EXPECT_THAT(TakeAllReady(*part), ElementsAre(0));
  EXPECT_EQ(part->next_due(), kNow + absl::Seconds(9));
}

// ---- What it holds.

TEST(PartTest, SettledEventsAreForgottenUpToTheFirstThatIsNot) {
  const auto part = MakePart();
  std::vector<EventPtr> events;
  for (int i = 0; i < 3; ++i) events.push_back(Out(*part, i, "k"));
  const auto settle = [&](std::size_t which) {
    events[which]->state = State::kSettled;
    part->Settle(events[which]->offset);
  };
  settle(1);
  EXPECT_EQ(part->first_unsettled(), events[0]);
  EXPECT_EQ(part->held().size(), 3u);
  settle(0);
  EXPECT_EQ(part->first_unsettled(), events[2]);
  settle(2);
  EXPECT_EQ(part->first_unsettled(), nullptr);
}

TEST(PartTest, WhatItDropsIsLeftToOthers) {
  const auto part = MakePart();
  std::weak_ptr<HeldEvent> waits = Keep(*part, 0, "k");
  std::weak_ptr<HeldEvent> ready = Keep(*part, 1, "other");
  part->Wait(waits.lock(), kNow, kNow);
  part->MakeReady(ready.lock(), kNow);
  part->Drop();
  EXPECT_TRUE(waits.expired());
  EXPECT_TRUE(ready.expired());
  EXPECT_EQ(part->next_due(), absl::InfiniteFuture());
}

}  // namespace
}  // namespace eventbus::bus
