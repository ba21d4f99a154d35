#include "server/bus/group_start.h"

#include <gtest/gtest.h>

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
