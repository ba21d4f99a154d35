#include "server/bus/settling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "server/base/error.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kDone = v1::ERROR_REASON_UNSPECIFIED;
constexpr auto kInvalid = v1::ERROR_REASON_ACK_TOKEN_INVALID;
constexpr auto kExpired = v1::ERROR_REASON_ACK_TOKEN_EXPIRED;
constexpr auto kNotOwned = v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED;
const kafka::TopicPartition kOne{"document-events", 0};
const kafka::TopicPartition kTwo{"document-events", 1};

// What is handed on by Next or Deliver, or said of a batch.
struct Out {
  std::vector<AckToken> tokens;  // Of the events, and of the batch.
  std::vector<std::int64_t> offsets;
  std::vector<int> attempts;
};

class SettlingTest : public testing::Test {
 protected:
  SettlingTest() { Make({}); }

  void Make(SettlingOptions options) {
    settling_ = std::make_unique<Settling>(options);
    settling_->SetStream(7);
    Advance(absl::ZeroDuration());
    Add(kOne, 0);
    Add(kTwo, 0);
  }
  // The partition at `position`, which the group has with `metadata`; its mark is in Kafka.
  std::int64_t Add(const kafka::TopicPartition& partition, std::int64_t position,
                   const std::string& metadata = "", std::int64_t end = 100) {
    const auto next = settling_->Add(partition, position, end, /*committed=*/true, metadata);
    Commit();
    return next;
  }
  // Kafka takes what is due, and what is due then.
  void Commit() {
    for (auto due = settling_->TakeDue(); !due.empty(); due = settling_->TakeDue()) {
      for (const auto& offset : due) committed_[offset.partition] = offset;
      settling_->Committed(due);
    }
  }
  CommitMetadata Metadata(const kafka::TopicPartition& partition) {
    const kafka::GroupOffset& offset = committed_[partition];
    return *ParseCommitMetadata(offset.metadata, offset.offset);
  }
  void Advance(absl::Duration by) {
    now_ += by;
    settling_->Advance(now_);
  }

  // The next record is read: true where it goes into the next batch.
  bool Read(const kafka::TopicPartition& partition, std::int64_t offset,
            absl::optional<absl::string_view> key = absl::nullopt, std::size_t bytes = 10,
            bool decodable = true) {
    EXPECT_TRUE(settling_->Read(partition, offset));
    const std::string value(bytes, 'x');
    kafka::RecordView record;
    record.topic = partition.topic;
    record.partition = partition.partition;
    record.offset = offset;
    record.key = key;
    record.value = value;
    const auto delivery = settling_->Deliver(partition, record, decodable);
    if (!delivery.has_value()) return false;
    Note(*delivery, offset);
    return true;
  }
  // What is kept and may go, and what was read before, as one batch.
  Out Take() {
    while (const auto kept = settling_->Next()) Note(kept->delivery, kept->record.view().offset);
    if (next_.tokens.empty() || !settling_->MayTakeBatch()) return {};
    Out out = std::exchange(next_, {});
    const int events = static_cast<int>(out.tokens.size());
    out.tokens.push_back(*ParseAckToken(settling_->TakeBatch(events)));
    return out;
  }
  // The same, with whatever Kafka has to know before.
  Out CommitAndTake() {
    Out out = Take();
    if (!out.tokens.empty()) return out;
    Commit();
    return Take();
  }
  std::vector<AckToken> Deliver(const kafka::TopicPartition& partition, std::int64_t first,
                                int count, std::size_t bytes = 10,
                                absl::optional<absl::string_view> key = absl::nullopt) {
    for (int i = 0; i < count; ++i) EXPECT_TRUE(Read(partition, first + i, key, bytes));
    return Take().tokens;
  }
  // As a rebalance does.
  void ParkOne() {
    settling_->Close(kOne);
    const auto last = settling_->TakeLast();
    for (const auto& offset : last) committed_[offset.partition] = offset;
    settling_->Committed(last);
    settling_->Park(kOne);
  }
  void TakeBack() {
    settling_->TakeBack();
    next_ = {};
  }

  v1::ErrorReason Acknowledge(const AckToken& token) {
    return settling_->Settle({{token}, {}, {}}).at(0);
  }
  v1::ErrorReason Retry(const AckToken& token,
                        absl::optional<absl::Duration> delay = absl::nullopt) {
    TakeBack();
    return settling_->Settle({{}, {{token, delay}}, {}}).at(0);
  }
  v1::ErrorReason GiveUp(const AckToken& token, const std::string& reason = "broken") {
    return settling_->Settle({{}, {}, {{token, reason}}}).at(0);
  }
  std::int64_t Due(const kafka::TopicPartition& partition) {
    std::int64_t due = -1;
    for (const auto& offset : settling_->TakeDue()) {
      if (offset.partition == partition) due = offset.offset;
    }
    return due;
  }

  absl::Time now_ = absl::FromUnixSeconds(1000);
  std::unique_ptr<Settling> settling_;
  std::map<kafka::TopicPartition, kafka::GroupOffset> committed_;

 private:
  void Note(const Delivery& delivery, std::int64_t offset) {
    next_.tokens.push_back(*ParseAckToken(delivery.ack_token));
    next_.offsets.push_back(offset);
    next_.attempts.push_back(delivery.attempt);
  }

  Out next_;
};

CommitMetadata Settled(std::vector<Span> spans) { return {{}, {}, std::move(spans)}; }
Mark Open() { return {true, 0, 0, {}}; }
CommitMetadata Marked(Mark mark) { return {{}, mark, {}}; }

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
  settling_->DropParked();
  EXPECT_EQ(Acknowledge(tokens[2]), kNotOwned);
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

TEST_F(SettlingTest, ReadingStopsAtTheMostRecordsBehindOneThatIsNotSettled) {
  Make({.max_span = 3});
  const auto tokens = Deliver(kOne, 0, 3);
  Acknowledge(tokens[1]);
  Acknowledge(tokens[2]);
  EXPECT_TRUE(settling_->full());
  Acknowledge(tokens[0]);
  EXPECT_FALSE(settling_->full());
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

// ---- Retries.

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
    EXPECT_EQ(settling_->Held()[0].blocked, BlockedReason::kDeadLetterUnwritable);
    EXPECT_THAT(settling_->TakeLetters(), IsEmpty());
    EXPECT_EQ(settling_->next_due(), now_ + absl::Seconds(seconds));
    Advance(absl::Seconds(seconds));
  }
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

// ---- What may have killed its consumer.

TEST_F(SettlingTest, NothingGoesBeforeKafkaHasTheOpenMark) {
  settling_->Add(kOne, 0, 100, /*committed=*/true, "");
  Read(kOne, 0);
  EXPECT_THAT(Take().offsets, IsEmpty());
  EXPECT_TRUE(settling_->urgent());
  Commit();
  EXPECT_TRUE(Metadata(kOne).mark.open);
  EXPECT_FALSE(settling_->urgent());
  EXPECT_THAT(Take().offsets, ElementsAre(0));
}

TEST_F(SettlingTest, ACleanEndClosesTheMark) {
  Deliver(kOne, 0, 2);
  ParkOne();
  EXPECT_EQ(committed_[kOne].metadata, "");
}

TEST_F(SettlingTest, FoundOpenEventsGoFewAtATimeAndKafkaKnowsWhich) {
  Add(kOne, 0, FormatCommitMetadata(Marked(Open()), 0), /*end=*/50);
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(Read(kOne, i));
  EXPECT_THAT(Take().offsets, IsEmpty());
  Commit();
  EXPECT_EQ(Metadata(kOne).mark.out, (Span{0, Caution::kFew}));
  const Out few = Take();
  EXPECT_THAT(few.offsets, SizeIs(Caution::kFew));
  EXPECT_THAT(CommitAndTake().offsets, IsEmpty()) << "while the few are out";
  for (int i = 1; i < Caution::kFew; ++i) Acknowledge(few.tokens[static_cast<std::size_t>(i)]);
  EXPECT_THAT(CommitAndTake().offsets, IsEmpty());
  Acknowledge(few.tokens[0]);
  const Out rest = CommitAndTake();
  EXPECT_EQ(Metadata(kOne).mark.out, (Span{Caution::kFew, 50}));
  EXPECT_THAT(rest.offsets, SizeIs(50 - Caution::kFew));
  Acknowledge(rest.tokens.back());
  EXPECT_TRUE(Read(kOne, 50)) << "no care any more";
  EXPECT_THAT(CommitAndTake().offsets, ElementsAre(50));
}

TEST_F(SettlingTest, FoundOpenWithAFewEventsGoOneAtATime) {
  Add(kOne, 0, FormatCommitMetadata(Marked({true, 50, 0, {2, 5}}), 0));
  for (int i = 0; i < 6; ++i) EXPECT_FALSE(Read(kOne, i));
  for (int i = 0; i < 5; ++i) {
    const Out one = CommitAndTake();
    EXPECT_THAT(one.offsets, ElementsAre(i));
    EXPECT_THAT(one.attempts, ElementsAre(1)) << "nobody has failed";
    EXPECT_EQ(Metadata(kOne).mark.out, (Span{i, i + 1}));
    Acknowledge(one.tokens[0]);
  }
  EXPECT_THAT(CommitAndTake().offsets, ElementsAre(5));
}

TEST_F(SettlingTest, FoundOpenWithOneThatEventHasFailed) {
  Add(kOne, 0, FormatCommitMetadata(Marked({true, 50, 5, {2, 3}}), 0));
  EXPECT_THAT(Metadata(kOne).failures, ElementsAre(Failures{2, 1}));
  for (int i = 0; i < 3; ++i) Read(kOne, i);
  for (int i = 0; i < 3; ++i) {
    const Out one = CommitAndTake();
    EXPECT_THAT(one.attempts, ElementsAre(i == 2 ? 2 : 1));
    Acknowledge(one.tokens[0]);
  }
}

TEST_F(SettlingTest, WhileCareIsTakenNothingOfOtherPartitionsIsOutBeside) {
  Add(kOne, 0, FormatCommitMetadata(Marked(Open()), 0));
  Read(kOne, 0);
  Read(kTwo, 0);
  const Out one = CommitAndTake();
  EXPECT_THAT(one.offsets, ElementsAre(0));
  EXPECT_THAT(CommitAndTake().offsets, IsEmpty());
  Acknowledge(one.tokens[0]);
  const Out two = CommitAndTake();
  EXPECT_THAT(two.offsets, ElementsAre(0));
  EXPECT_TRUE(Metadata(kOne).mark.out == Span()) << "what is out is the other's";
  Read(kOne, 1);
  EXPECT_THAT(CommitAndTake().offsets, IsEmpty()) << "beside what is out";
  Acknowledge(two.tokens[0]);
  EXPECT_THAT(CommitAndTake().offsets, ElementsAre(1));
}

TEST_F(SettlingTest, AClientThatDiesLeavesCareAndNoFailures) {
  const auto tokens = Deliver(kOne, 0, 5);
  Acknowledge(tokens[0]);
  Acknowledge(tokens[4]);
  settling_->EndGone();
  settling_->Close(kOne);
  const auto last = settling_->TakeLast();
  const auto known = ParseCommitMetadata(last.at(0).metadata, 1);
  EXPECT_EQ(known->mark, (Mark{false, 4, 0, {}}));
  EXPECT_THAT(known->failures, IsEmpty());
}

TEST_F(SettlingTest, AClientThatDiesOfOneEventLeavesItsFailure) {
  Add(kOne, 0, FormatCommitMetadata(Marked({false, 50, 5, {}}), 0));
  Read(kOne, 0);
  EXPECT_THAT(CommitAndTake().offsets, ElementsAre(0));
  settling_->EndGone();
  settling_->Close(kOne);
  const auto last = settling_->TakeLast();
  const auto known = ParseCommitMetadata(last.at(0).metadata, 0);
  EXPECT_THAT(known->failures, ElementsAre(Failures{0, 1}));
  EXPECT_EQ(known->mark, (Mark{false, 50, 5, {}}));
}

TEST_F(SettlingTest, AnEventThatTimesOutHasFailed) {
  const auto tokens = Deliver(kOne, 0, 3);
  Acknowledge(tokens[0]);
  settling_->EndTimedOut();
  Commit();
  EXPECT_THAT(Metadata(kOne).failures, ElementsAre(Failures{1, 1}));
}

// ---- What people are told.

TEST_F(SettlingTest, SaysWhatHoldsAPartitionBack) {
  EXPECT_EQ(settling_->Held()[0].blocked, BlockedReason::kNone);
  Read(kOne, 0, "k");
  EXPECT_EQ(settling_->Held()[0].blocked, BlockedReason::kSlowReader);
  const Out out = Take();
  Advance(absl::Seconds(3));
  const HeldPart with_client = settling_->Held()[0];
  EXPECT_EQ(with_client.blocked, BlockedReason::kUnsettled);
  EXPECT_EQ(with_client.blocked_since, now_ - absl::Seconds(3));
  EXPECT_EQ(with_client.outstanding, 1);
  EXPECT_EQ(with_client.first->record.view().key, "k");
  Retry(out.tokens[0], absl::Seconds(1));
  const HeldPart waiting = settling_->Held()[0];
  EXPECT_EQ(waiting.blocked, BlockedReason::kRetryBackoff);
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
  settling_->Add(kOne, 5, 5, /*committed=*/false, "");
  EXPECT_TRUE(settling_->first_due());
  const auto due = settling_->TakeDue();
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].offset, 5);
  settling_->Committed(due);
  EXPECT_FALSE(settling_->first_due());
}

}  // namespace
}  // namespace eventbus::bus
