#include "server/bus/part_commits.h"

#include <gtest/gtest.h>

namespace eventbus::bus {
namespace {

kafka::GroupOffset Offset(std::int64_t offset) { return {{"t", 0}, offset, ""}; }

TEST(PartCommitsTest, WhatWasAnnouncedIsConfirmedOnceKafkaHasIt) {
  PartCommits commits(absl::nullopt);
  commits.Announce();
  ASSERT_TRUE(commits.Take(Offset(1)));
  EXPECT_FALSE(commits.confirmed());
  commits.Committed(Offset(1));
  EXPECT_TRUE(commits.confirmed());
}

TEST(PartCommitsTest, WhatKafkaHasAlreadyIsConfirmedAtOnce) {
  PartCommits commits(Offset(1));
  commits.Announce();
  EXPECT_FALSE(commits.Take(Offset(1)));
  EXPECT_TRUE(commits.confirmed());
}

// The last commit before a rebalance is also taken of partitions that stay.
TEST(PartCommitsTest, TheLastCommitConfirmsWhatKafkaHasAlready) {
  PartCommits commits(Offset(1));
  commits.Announce();
  EXPECT_FALSE(commits.TakeLast(Offset(1)));
  EXPECT_TRUE(commits.confirmed());
}

TEST(PartCommitsTest, TheLastCommitIsSentWhileAnotherIsOnItsWay) {
  PartCommits commits(absl::nullopt);
  commits.Announce();
  ASSERT_TRUE(commits.Take(Offset(1)));
  EXPECT_TRUE(commits.TakeLast(Offset(1)));
  EXPECT_FALSE(commits.confirmed());
}

}  // namespace
}  // namespace eventbus::bus
