#include "server/rpc/durations.h"

#include <gtest/gtest.h>

#include <limits>

namespace eventbus::rpc {
namespace {

google::protobuf::Duration Make(std::int64_t seconds, int nanos) {
  google::protobuf::Duration duration;
  duration.set_seconds(seconds);
  duration.set_nanos(nanos);
  return duration;
}

bool IsUpToASecond(const google::protobuf::Duration& duration) {
  return IsWithin(duration, absl::ZeroDuration(), absl::Seconds(1));
}

TEST(IsWithinTest, TheBoundsAreWithin) {
  EXPECT_TRUE(IsUpToASecond(Make(0, 0)));
  EXPECT_TRUE(IsUpToASecond(Make(0, 999'999'999)));
  EXPECT_TRUE(IsUpToASecond(Make(1, 0)));
  EXPECT_FALSE(IsUpToASecond(Make(1, 1)));
  EXPECT_FALSE(IsUpToASecond(Make(0, -1)));
}

TEST(IsWithinTest, WhatProtobufDoesNotAllowNeverIs) {
  EXPECT_FALSE(IsUpToASecond(Make(1, -1)));
  EXPECT_FALSE(IsUpToASecond(Make(-1, 1'500'000'000)));
  EXPECT_FALSE(IsUpToASecond(Make(0, 1'000'000'000)));
  EXPECT_FALSE(IsUpToASecond(Make(0, std::numeric_limits<int>::min())));
  EXPECT_FALSE(IsUpToASecond(Make(std::numeric_limits<std::int64_t>::max(), 0)));
}

TEST(ToDurationTest, SaysWhatWasAskedFor) {
  EXPECT_EQ(ToDuration(Make(2, 500)), absl::Seconds(2) + absl::Nanoseconds(500));
  EXPECT_EQ(ToDuration(Make(1, -1)), absl::Nanoseconds(999'999'999));
}

}  // namespace
}  // namespace eventbus::rpc
