#include "server/bus/untold_gaps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(UntoldGapsTest, AreTheClientsOnceItHasWhatFollowedTheirTelling) {
  UntoldGaps gaps;
  gaps.Add({0, 3});
  gaps.Add({5, 9});
  EXPECT_FALSE(gaps.Pass(1000)) << "none is told";
  gaps.Tell(3, /*next=*/10);
  EXPECT_FALSE(gaps.Pass(9));
  EXPECT_TRUE(gaps.Pass(10));
  EXPECT_THAT(gaps.spans(), ElementsAre(Span{5, 9}));
  gaps.Tell(9, /*next=*/12);
  EXPECT_TRUE(gaps.Pass(13));
  EXPECT_FALSE(gaps.Pass(14));
  EXPECT_THAT(gaps.spans(), IsEmpty());
}

// On the same stream, as where its partition came back.
TEST(UntoldGapsTest, WhatIsToldTwiceCountsFromTheFirstTime) {
  UntoldGaps gaps;
  gaps.Add({0, 3});
  gaps.Tell(3, /*next=*/10);
  gaps.Tell(3, /*next=*/20);
  EXPECT_TRUE(gaps.Pass(10));
}

TEST(UntoldGapsTest, TheOldestAreOneWhereThereAreMany) {
  UntoldGaps gaps;
  for (int i = 0; i < 10; ++i) gaps.Add({10 * i, 10 * i + 5});
  EXPECT_EQ(gaps.spans().size(), UntoldGaps::kMost);
  EXPECT_EQ(gaps.spans().front(), (Span{0, 25}));
  EXPECT_EQ(gaps.spans().back(), (Span{90, 95}));
}

TEST(UntoldGapsTest, OfWhichNoneIsToldBeforeAllAre) {
  UntoldGaps gaps;
  gaps.Add({0, 5});
  gaps.Tell(5, /*next=*/1);
  for (int i = 1; i < 9; ++i) gaps.Add({10 * i, 10 * i + 5});
  EXPECT_FALSE(gaps.Pass(7));
  gaps.Tell(15, /*next=*/8);
  EXPECT_TRUE(gaps.Pass(8));
  EXPECT_EQ(gaps.spans().front(), (Span{20, 25}));
}

}  // namespace
}  // namespace eventbus::bus
