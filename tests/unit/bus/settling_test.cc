#include "server/bus/settling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/error.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kDone = v1::ERROR_REASON_UNSPECIFIED;
constexpr auto kInvalid = v1::ERROR_REASON_ACK_TOKEN_INVALID;
constexpr auto kNotOwned = v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED;
const kafka::TopicPartition kOne{"document-events", 0};
const kafka::TopicPartition kTwo{"document-events", 1};

class SettlingTest : public testing::Test {
 protected:
  SettlingTest() { Make({}); }

  void Make(SettlingOptions limits) {
    settling_ = std::make_unique<Settling>(limits);
    settling_->SetStream(7);
    settling_->Add(kOne, 0, /*committed=*/true, "");
    settling_->Add(kTwo, 0, /*committed=*/true, "");
  }

  // Reads and hands on `count` records from `first` on, as one batch; their tokens and the batch's.
  std::vector<AckToken> Deliver(const kafka::TopicPartition& partition, std::int64_t first,
                                int count, std::size_t bytes = 10) {
    std::vector<AckToken> tokens;
    for (int i = 0; i < count; ++i) {
      EXPECT_TRUE(settling_->Read(partition, first + i));
      tokens.push_back(*ParseAckToken(settling_->Deliver(partition, first + i, bytes)));
    }
    tokens.push_back(*ParseAckToken(settling_->TakeBatch(count, now_)));
    return tokens;
  }
  v1::ErrorReason Acknowledge(const AckToken& token) { return settling_->Acknowledge(token); }
  std::int64_t Due(const kafka::TopicPartition& partition) {
    for (const auto& offset : settling_->TakeDue()) {
      if (offset.partition == partition) return offset.offset;
    }
    return -1;
  }

  absl::Time now_ = absl::FromUnixSeconds(1000);
  std::unique_ptr<Settling> settling_;
};

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
  settling_->Add(kOne, 5, /*committed=*/true, FormatCommitMetadata({{{6, 7}}}, 5));
  EXPECT_TRUE(settling_->Read(kOne, 5));
  EXPECT_FALSE(settling_->Read(kOne, 6));
  EXPECT_TRUE(settling_->Read(kOne, 7));
}

// Such as a legacy member's, or none at all: the offset alone counts.
TEST_F(SettlingTest, ForeignMetadataIsPassedOver) {
  settling_->Add(kOne, 5, /*committed=*/true, "made by hand");
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
  settling_->Read(kOne, 2);
  settling_->Deliver(kOne, 2, 10);
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
  settling_->Add(kOne, 0, /*committed=*/true, "");
  const auto after = Deliver(kOne, 0, 1);
  EXPECT_EQ(Acknowledge(before[0]), kNotOwned);
  EXPECT_EQ(Due(kOne), -1);
  EXPECT_EQ(Acknowledge(after[0]), kDone);
  EXPECT_EQ(Due(kOne), 1);
}

TEST_F(SettlingTest, APartitionThatWasParkedGoesOnWhereItWas) {
  const auto tokens = Deliver(kOne, 0, 3);
  Acknowledge(tokens[0]);
  const auto last = settling_->TakeLast();
  settling_->Committed(last);
  settling_->Park(kOne);
  EXPECT_FALSE(settling_->due());
  EXPECT_EQ(Acknowledge(tokens[1]), kDone) << "accepted meanwhile";
  EXPECT_THAT(settling_->TakeDue(), IsEmpty()) << "not Kafka's to know yet";
  EXPECT_EQ(settling_->Add(kOne, 1, /*committed=*/true, ""), 3);
  settling_->DropParked();
  EXPECT_EQ(Due(kOne), 2);
  EXPECT_EQ(Acknowledge(tokens[2]), kDone);
  EXPECT_EQ(Due(kOne), 3);
}

TEST_F(SettlingTest, AParkedPartitionThatSomebodyElseHadBeginsAnew) {
  const auto tokens = Deliver(kOne, 0, 3);
  settling_->Park(kOne);
  EXPECT_EQ(settling_->Add(kOne, 2, /*committed=*/true, ""), 2);
  settling_->DropParked();
  EXPECT_EQ(Acknowledge(tokens[2]), kNotOwned);
  EXPECT_EQ(settling_->outstanding(), 0);
}

// The same offset with other metadata: a legacy member's commit, or a newer one of another
// server's.
TEST_F(SettlingTest, SoDoesOneWhoseMetadataIsAnothers) {
  const auto tokens = Deliver(kOne, 0, 3);
  settling_->Park(kOne);
  const std::string foreign = FormatCommitMetadata({{{2, 3}}}, 0);
  EXPECT_EQ(settling_->Add(kOne, 0, /*committed=*/true, foreign), 0);
  settling_->DropParked();
  EXPECT_EQ(Acknowledge(tokens[0]), kNotOwned);
}

TEST_F(SettlingTest, AParkedPartitionThatDoesNotComeBackIsLost) {
  const auto tokens = Deliver(kOne, 0, 1);
  settling_->Park(kOne);
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
  now_ += absl::Seconds(5);
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

TEST_F(SettlingTest, WhatWasReadAndNotHandedOnIsReadAgain) {
  const auto tokens = Deliver(kOne, 0, 1);
  settling_->Read(kOne, 1);
  settling_->Deliver(kOne, 1, 10);
  Cursors cursors;
  cursors.Add(kOne, 1, 5);
  settling_->Rewind(cursors);
  EXPECT_FALSE(settling_->full());
  const auto again = Deliver(kOne, 1, 1);
  EXPECT_EQ(again[0].number, 1u);
  Acknowledge(tokens[0]);
  Acknowledge(again[0]);
  EXPECT_EQ(Due(kOne), 2);
}

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
  EXPECT_THAT(settling_->TakeLast(), IsEmpty());
}

TEST_F(SettlingTest, APositionThatTheGroupDoesNotHaveIsDueAtOnce) {
  settling_->Add(kOne, 5, /*committed=*/false, "");
  EXPECT_TRUE(settling_->first_due());
  const auto due = settling_->TakeDue();
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].offset, 5);
  settling_->Committed(due);
  EXPECT_FALSE(settling_->first_due());
}

}  // namespace
}  // namespace eventbus::bus
