#include "server/bus/positions.h"

#include <gtest/gtest.h>

#include "server/base/error.h"

namespace eventbus::bus {
namespace {

// Partition 0 holds [10, 20), partition 1 is empty at 5, partition 2 holds [0, 3).
std::vector<PartitionView> Views() {
  return {{{"t", 0}, {10, 20}, 15}, {{"t", 1}, {5, 5}, -1}, {{"t", 2}, {0, 3}, 0}};
}

std::vector<std::int64_t> Resolve(const Start& start) {
  std::vector<std::int64_t> offsets;
  const auto positions = ResolveStart(start, "c", Views());
  for (const auto& position : positions.value()) {
    offsets.push_back(position.offset);
  }
  return offsets;
}

using Offsets = std::vector<std::int64_t>;

TEST(ResolveStartTest, LatestIsTheEnd) { EXPECT_EQ(Resolve(Latest{}), (Offsets{20, 5, 3})); }

TEST(ResolveStartTest, EarliestIsTheOldestRecord) {
  EXPECT_EQ(Resolve(Earliest{}), (Offsets{10, 5, 0}));
}

TEST(ResolveStartTest, ATimePastTheEndIsLatest) {
  EXPECT_EQ(Resolve(AtTime{}), (Offsets{15, 5, 0}));
}

TEST(ResolveStartTest, ATokenIsFollowedAndWhatItDoesNotListStartsAtItsOldest) {
  EXPECT_EQ(Resolve(ResumeToken{"c", {{{"t", 0}, 12}, {{"gone", 7}, 1}}}), (Offsets{12, 5, 0}));
}

TEST(ResolveStartTest, OffsetsAreFollowedAndWhatTheyDoNotListStartsAtTheEnd) {
  EXPECT_EQ(Resolve(AtOffsets{{{{"t", 2}, 1}}}), (Offsets{20, 5, 1}));
}

TEST(ResolveStartTest, ATokenOfAnotherClusterIsRefused) {
  const auto resolved = ResolveStart(ResumeToken{"other", {}}, "c", Views());
  const auto violations = GetErrorDetails(resolved.status()).violations;
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "tail.start.resume_token");
  EXPECT_EQ(violations[0].description, "made on cluster other, this one is c");
}

TEST(ResolveStartTest, OffsetsOfAPartitionThatIsNotThereAreRefused) {
  const auto resolved = ResolveStart(AtOffsets{{{{"t", 0}, 11}, {{"t", 9}, 1}}}, "c", Views());
  const auto violations = GetErrorDetails(resolved.status()).violations;
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "tail.start.offsets.positions[1]");
}

TEST(FindLostTest, FromTheOldestToTheEndNothingIsLost) {
  EXPECT_FALSE(FindLost({"t", 0}, 10, {10, 20}).has_value());
  EXPECT_FALSE(FindLost({"t", 0}, 20, {10, 20}).has_value());
}

TEST(FindLostTest, BelowTheOldestRetentionTookThem) {
  const auto lost = FindLost({"t", 0}, 9, {10, 20});
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->first_offset, 9);
  EXPECT_EQ(lost->next_offset, 10);
  EXPECT_EQ(lost->cause, Lost::Cause::kRetention);
}

TEST(FindLostTest, PastTheEndTheTopicWasMadeAnew) {
  const auto lost = FindLost({"t", 0}, 21, {10, 20});
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->first_offset, 21);
  EXPECT_EQ(lost->next_offset, 20);
  EXPECT_EQ(lost->cause, Lost::Cause::kPastEnd);
}

}  // namespace
}  // namespace eventbus::bus
