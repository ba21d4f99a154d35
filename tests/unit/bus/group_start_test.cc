#include "server/bus/group_start.h"

#include <gtest/gtest.h>

#include "server/bus/commit_metadata.h"

namespace eventbus::bus {
namespace {

const kafka::TopicPartition kPartition{"document-events", 1};

// A partition that holds [10, 20) and in which the group has `committed`.
GroupPartition Partition(std::int64_t committed, bool appeared = false) {
  return {{kPartition, {10, 20}, -1}, {kPartition, committed, "metadata"}, appeared};
}

GroupStart Find(const GroupPartition& partition, const Start& initial = Earliest{},
                GapPolicy policy = GapPolicy::kEarliest) {
  return FindGroupStart(partition, initial, policy);
}

TEST(FindGroupStartTest, TheGroupsOffsetWins) {
  const GroupStart start = Find(Partition(15), Latest{});
  EXPECT_EQ(start.offset, 15);
  EXPECT_EQ(start.end, 20);
  EXPECT_EQ(start.known, (kafka::GroupOffset{kPartition, 15, "metadata"}));
  EXPECT_FALSE(start.lost.has_value());
}

TEST(FindGroupStartTest, WithoutAnOffsetTheInitialPositionDecides) {
  EXPECT_EQ(Find(Partition(-1), Earliest{}).offset, 10);
  EXPECT_EQ(Find(Partition(-1), Latest{}).offset, 20);
  EXPECT_EQ(Find(Partition(-1), AtOffsets{{{kPartition, 12}}}).offset, 12);
  EXPECT_EQ(Find(Partition(-1), Latest{}).known, absl::nullopt);
}

TEST(FindGroupStartTest, APartitionThatOffsetsDoNotListStartsAtTheDefault) {
  EXPECT_EQ(Find(Partition(-1), AtOffsets{{}, /*others_earliest=*/true}).offset, 10);
  EXPECT_EQ(Find(Partition(-1), AtOffsets{{}, /*others_earliest=*/false}).offset, 20);
}

TEST(FindGroupStartTest, APartitionThatAppearedStartsAtItsOldest) {
  EXPECT_EQ(Find(Partition(-1, /*appeared=*/true), Latest{}).offset, 10);
  EXPECT_EQ(Find(Partition(15, /*appeared=*/true), Latest{}).offset, 15);
}

TEST(FindGroupStartTest, AnOffsetThatRetentionTookIsLostAndThePolicySaysWhereItGoesOn) {
  const GroupStart earliest = Find(Partition(3));
  ASSERT_TRUE(earliest.lost.has_value());
  EXPECT_EQ(earliest.lost->first_offset, 3);
  EXPECT_EQ(earliest.lost->next_offset, 10);
  EXPECT_EQ(earliest.lost->cause, Lost::Cause::kRetention);
  EXPECT_EQ(earliest.offset, 10);
  EXPECT_EQ(earliest.known, (kafka::GroupOffset{kPartition, 3, "metadata"}))
      << "what is known past the gap";
  const GroupStart latest = Find(Partition(3), Earliest{}, GapPolicy::kLatest);
  EXPECT_EQ(latest.offset, 20);
  EXPECT_EQ(latest.lost->next_offset, 20);
}

// A member before noted them, and its client may not have read of them.
TEST(FindGroupStartTest, WhatNobodyIsKnownToHaveReadOfIsToldAgain) {
  GroupPartition partition = Partition(12);
  partition.committed.metadata =
      FormatCommitMetadata({{}, {}, {}, {{3, 5}, {8, 12}, {14, 16}}}, 12);
  const GroupStart start = Find(partition);
  EXPECT_EQ(start.offset, 12);
  EXPECT_FALSE(start.lost.has_value());
  ASSERT_EQ(start.untold.size(), 2u) << "past the offset everything is read again";
  EXPECT_EQ(start.untold[0].first_offset, 3);
  EXPECT_EQ(start.untold[0].next_offset, 5);
  EXPECT_EQ(start.untold[1].first_offset, 8);
  EXPECT_EQ(start.untold[1].next_offset, 12);
  EXPECT_EQ(start.untold[1].cause, Lost::Cause::kRetention);
  EXPECT_EQ(start.untold[1].partition, kPartition);
}

TEST(FindGroupStartTest, AlsoWhereTheOffsetIsPastTheEnd) {
  GroupPartition partition = Partition(50);
  partition.committed.metadata = FormatCommitMetadata({{}, {}, {}, {{3, 5}}}, 50);
  EXPECT_EQ(Find(partition).untold.size(), 1u);
}

TEST(FindGroupStartTest, BesideWhatIsLostSince) {
  GroupPartition partition = Partition(6);
  partition.committed.metadata = FormatCommitMetadata({{}, {}, {}, {{3, 5}}}, 6);
  const GroupStart start = Find(partition);
  ASSERT_EQ(start.untold.size(), 1u);
  ASSERT_TRUE(start.lost.has_value());
  EXPECT_EQ(start.lost->first_offset, 6);
  EXPECT_EQ(start.offset, 10);
}

// A transaction may be open, or it is another log: reading tells.
TEST(FindGroupStartTest, AnOffsetPastTheEndIsKept) {
  const GroupStart start = Find(Partition(50));
  EXPECT_EQ(start.offset, 50);
  EXPECT_TRUE(start.past_end());
  EXPECT_FALSE(start.lost.has_value());
  EXPECT_EQ(start.known, (kafka::GroupOffset{kPartition, 50, "metadata"}));
}

TEST(FindNextStartTest, AnOffsetPastTheEndIsLostBackwards) {
  const GroupStart start = FindNextStart(kPartition, 50, {10, 20}, GapPolicy::kEarliest);
  EXPECT_EQ(start.lost->cause, Lost::Cause::kPastEnd);
  EXPECT_EQ(start.offset, 10);
  EXPECT_EQ(start.lost->next_offset, 10);
  EXPECT_EQ(start.known, absl::nullopt) << "it is of another log";
}

TEST(FindGroupStartTest, TheEndItselfAndTheBeginningAreNotLost) {
  EXPECT_FALSE(Find(Partition(20)).lost.has_value());
  EXPECT_FALSE(Find(Partition(10)).lost.has_value());
}

TEST(FindNextStartTest, APositionThatIsThereAfterAllIsKept) {
  const GroupStart start = FindNextStart(kPartition, 12, {10, 20}, GapPolicy::kLatest);
  EXPECT_EQ(start.offset, 12);
  EXPECT_FALSE(start.lost.has_value());
}

}  // namespace
}  // namespace eventbus::bus
