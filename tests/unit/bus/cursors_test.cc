#include "server/bus/cursors.h"

#include <gtest/gtest.h>

namespace eventbus::bus {
namespace {

TEST(CursorsTest, FindsWhatWasAddedInAnyOrder) {
  Cursors cursors;
  cursors.Add({"b", 1}, 0, 0);
  cursors.Add({"a", 0}, 0, 0);
  cursors.Add({"b", 0}, 0, 0);
  EXPECT_EQ(cursors.Find("a", 0), 0);
  EXPECT_EQ(cursors.Find("b", 0), 1);
  EXPECT_EQ(cursors.Find("b", 1), 2);
  EXPECT_EQ(cursors.Find("b", 2), -1);
  EXPECT_EQ(cursors.Find("c", 0), -1);
}

TEST(CursorsTest, TheTokenIsWhatWasDeliveredNotWhatWasRead) {
  Cursors cursors;
  cursors.Add({"t", 0}, 5, 9);
  cursors.SetRead(0, 7);
  EXPECT_EQ(cursors.Token("c").positions.at({"t", 0}), 5);
  cursors.DeliverAll();
  EXPECT_EQ(cursors.Token("c").positions.at({"t", 0}), 7);
}

TEST(CursorsTest, CaughtUpMeansDeliveredUpToTheEndsSeenAtTheStart) {
  Cursors cursors;
  cursors.Add({"t", 0}, 5, 7);
  cursors.Add({"t", 1}, 3, 3);
  cursors.SetRead(0, 6);
  EXPECT_FALSE(cursors.AllRead());
  cursors.SetRead(0, 7);
  EXPECT_TRUE(cursors.AllRead());
  EXPECT_FALSE(cursors.CaughtUp());
  cursors.DeliverAll();
  EXPECT_TRUE(cursors.CaughtUp());
}

TEST(CursorsTest, APartitionAddedLaterHasNothingToCatchUpWith) {
  Cursors cursors;
  cursors.Add({"t", 0}, 0, 0);
  EXPECT_TRUE(cursors.CaughtUp());
}

TEST(CursorsTest, WhatMayBeOfAnotherLogIsNotCaughtUpUntilItIsConfirmed) {
  Cursors cursors;
  cursors.Add({"t", 0}, 50, 20);
  EXPECT_TRUE(cursors.AllRead());
  cursors.Add({"t", 1}, 50, 20, /*unsure=*/true);
  EXPECT_FALSE(cursors.AllRead());
  EXPECT_FALSE(cursors.CaughtUp());
  cursors.Confirm(1);
  EXPECT_TRUE(cursors.AllRead());
  EXPECT_TRUE(cursors.CaughtUp());
  cursors.StartOver(0, 0, 3);
  EXPECT_EQ(cursors[0].read, 0);
  EXPECT_FALSE(cursors.AllRead());
}

TEST(CursorsTest, ReadPositionsAreWhereReadingGoesOn) {
  Cursors cursors;
  cursors.Add({"t", 0}, 5, 9);
  cursors.SetRead(0, 8);
  ASSERT_EQ(cursors.ReadPositions().size(), 1u);
  EXPECT_EQ(cursors.ReadPositions()[0].offset, 8);
}

}  // namespace
}  // namespace eventbus::bus
