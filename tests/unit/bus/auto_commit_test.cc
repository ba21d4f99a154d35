#include "server/bus/auto_commit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eventbus::bus {
namespace {

using testing::IsEmpty;

const kafka::TopicPartition kPartition{"document-events", 0};

class AutoCommitTest : public testing::Test {
 protected:
  // Everything before `next` has been handed to a write.
  void Take(std::int64_t next) {
    Cursors cursors;
    cursors.Add(kPartition, next, next);
    commits_.Take(cursors);
  }
  // The one offset that is due, or -1.
  static std::int64_t Only(const std::vector<kafka::GroupOffset>& offsets) {
    return offsets.size() == 1 ? offsets[0].offset : -1;
  }

  AutoCommit commits_;
};

TEST_F(AutoCommitTest, WhatIsHandedToAWriteIsDueOnceItIsWritten) {
  commits_.Add(kPartition, 5, /*end=*/9,
               kafka::GroupOffset{kPartition, 5, "of an explicit member"});
  Take(8);
  EXPECT_FALSE(commits_.due());
  commits_.Written();
  EXPECT_TRUE(commits_.due());
  const auto due = commits_.TakeDue();
  EXPECT_EQ(Only(due), 8);
  EXPECT_EQ(due[0].metadata, "") << "what was settled past it is forgotten";
  EXPECT_FALSE(commits_.due());
}

TEST_F(AutoCommitTest, APositionThatTheGroupDoesNotHaveIsDueAtOnce) {
  commits_.Add(kPartition, 5, /*end=*/9, /*known=*/absl::nullopt);
  EXPECT_TRUE(commits_.first_due());
  const auto due = commits_.TakeDue();
  EXPECT_EQ(Only(due), 5);
  EXPECT_TRUE(commits_.first_due()) << "on its way, not there";
  commits_.Committed(due);
  EXPECT_FALSE(commits_.first_due());
}

TEST_F(AutoCommitTest, WhatFailedIsDueAgain) {
  commits_.Add(kPartition, 5, /*end=*/9, /*known=*/absl::nullopt);
  const auto due = commits_.TakeDue();
  commits_.Failed(due, absl::UnavailableError("away"));
  EXPECT_EQ(Only(commits_.TakeDue()), 5);
}

TEST_F(AutoCommitTest, AFailureDoesNotTakeBackWhatWasSentAfterIt) {
  commits_.Add(kPartition, 5, /*end=*/9, kafka::GroupOffset{kPartition, 5, ""});
  Take(6);
  commits_.Written();
  const auto first = commits_.TakeDue();
  Take(7);
  commits_.Written();
  EXPECT_EQ(Only(commits_.TakeDue()), 7);
  commits_.Failed(first, absl::UnavailableError("away"));
  EXPECT_FALSE(commits_.due());
}

TEST_F(AutoCommitTest, TheLastCommitSaysAgainWhatIsOnItsWay) {
  commits_.Add(kPartition, 5, /*end=*/9, kafka::GroupOffset{kPartition, 5, ""});
  EXPECT_THAT(commits_.TakeLast(), IsEmpty());
  Take(6);
  commits_.Written();
  commits_.TakeDue();
  EXPECT_EQ(Only(commits_.TakeLast()), 6);
}

TEST_F(AutoCommitTest, AWriteDoesNotCountForAPartitionThatIsGone) {
  commits_.Add(kPartition, 5, /*end=*/9, kafka::GroupOffset{kPartition, 5, ""});
  Take(8);
  commits_.Remove(kPartition);
  commits_.Written();
  EXPECT_FALSE(commits_.due());
  commits_.Add(kPartition, 5, /*end=*/9, kafka::GroupOffset{kPartition, 5, ""});
  commits_.Written();
  EXPECT_FALSE(commits_.due()) << "what is read again is not written yet";
}

TEST_F(AutoCommitTest, NoCommitPassesAGapBeforeWhatTellsOfItIsWritten) {
  commits_.Add(kPartition, 10, /*end=*/20, kafka::GroupOffset{kPartition, 7, ""});
  commits_.AddGap(kPartition, {7, 10});
  commits_.TakeDue();
  Take(12);
  commits_.Written();
  EXPECT_FALSE(commits_.due()) << "held at 7";
  commits_.TellGaps(kPartition, 10);
  EXPECT_FALSE(commits_.due()) << "it is not written yet";
  commits_.Written();
  EXPECT_EQ(Only(commits_.TakeDue()), 12);
}

TEST_F(AutoCommitTest, AllOfThemAreToBeTold) {
  commits_.Add(kPartition, 10, /*end=*/20, kafka::GroupOffset{kPartition, 10, "noted"});
  commits_.AddGap(kPartition, {2, 4});
  commits_.AddGap(kPartition, {5, 8});
  Take(12);
  commits_.TellGaps(kPartition, 4);
  commits_.Written();
  EXPECT_FALSE(commits_.due()) << "nor does it go back to what is told of";
  commits_.TellGaps(kPartition, 8);
  commits_.Written();
  EXPECT_EQ(Only(commits_.TakeDue()), 12);
}

}  // namespace
}  // namespace eventbus::bus
