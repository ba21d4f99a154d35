#include "server/bus/number_ranges.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace eventbus::bus {
namespace {

TEST(NumberRangesTest, HasWhatWasAdded) {
  NumberRanges ranges(10);
  EXPECT_FALSE(ranges.Contains(0));
  ranges.Add(0);
  ranges.Add(2);
  ranges.Add(3);
  EXPECT_TRUE(ranges.Contains(0));
  EXPECT_FALSE(ranges.Contains(1));
  EXPECT_TRUE(ranges.Contains(2));
  EXPECT_TRUE(ranges.Contains(3));
  EXPECT_FALSE(ranges.Contains(4));
}

TEST(NumberRangesTest, ForgetsTheLowestOfTooMany) {
  NumberRanges ranges(2);
  for (const std::uint64_t number : {10u, 20u, 30u, 31u}) ranges.Add(number);
  EXPECT_FALSE(ranges.Contains(10));
  EXPECT_TRUE(ranges.Contains(20));
  EXPECT_TRUE(ranges.Contains(31));
  ranges.Add(21);
  EXPECT_TRUE(ranges.Contains(20)) << "a range that grows is no new one";
}

TEST(NumberRangesTest, OneThatJoinsTwoMakesRoom) {
  NumberRanges ranges(2);
  for (const std::uint64_t number : {1u, 3u, 2u, 9u}) ranges.Add(number);
  for (const std::uint64_t number : {1u, 2u, 3u, 9u})
    EXPECT_TRUE(ranges.Contains(number)) << number;
}

TEST(NumberRangesTest, IsASetWhateverTheOrder) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    NumberRanges ranges(100);
    std::set<std::uint64_t> model;
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t number = random() % 120;
      ranges.Add(number);
      model.insert(number);
    }
    for (std::uint64_t number = 0; number < 125; ++number) {
      ASSERT_EQ(ranges.Contains(number), model.contains(number)) << seed << ": " << number;
    }
  }
}

}  // namespace
}  // namespace eventbus::bus
