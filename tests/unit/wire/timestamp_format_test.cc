#include "server/wire/timestamp_format.h"

#include <random>
#include <string>
#include <tuple>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace eventbus::wire {
namespace {

constexpr std::int64_t kFirst = -62135596800;
constexpr std::int64_t kLast = 253402300799;

std::string Format(std::int64_t seconds, std::int32_t nanos) {
  char text[kMaxTimestampLength];
  return {text, FormatTimestamp(seconds, nanos, text)};
}

TEST(FormatTimestampTest, WritesRfc3339InUtc) {
  const std::tuple<std::int64_t, std::int32_t, const char*> kTable[] = {
      {0, 0, "1970-01-01T00:00:00Z"},
      {-1, 0, "1969-12-31T23:59:59Z"},
      {-1, 999999999, "1969-12-31T23:59:59.999999999Z"},
      {1704103200, 0, "2024-01-01T10:00:00Z"},
      {1709164799, 0, "2024-02-28T23:59:59Z"},
      {1709164800, 0, "2024-02-29T00:00:00Z"},
      {1709251200, 0, "2024-03-01T00:00:00Z"},
      {951782400, 0, "2000-02-29T00:00:00Z"},
      {4107542399, 0, "2100-02-28T23:59:59Z"},
      {4107542400, 0, "2100-03-01T00:00:00Z"},
      {kFirst, 0, "0001-01-01T00:00:00Z"},
      {kLast, 999999999, "9999-12-31T23:59:59.999999999Z"},
  };
  for (const auto& [seconds, nanos, text] : kTable) EXPECT_EQ(Format(seconds, nanos), text);
}

TEST(FormatTimestampTest, TheFractionHasAsFewOfThreeSixOrNineDigitsAsHoldIt) {
  EXPECT_EQ(Format(0, 1), "1970-01-01T00:00:00.000000001Z");
  EXPECT_EQ(Format(0, 120), "1970-01-01T00:00:00.000000120Z");
  EXPECT_EQ(Format(0, 1000), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(Format(0, 123456000), "1970-01-01T00:00:00.123456Z");
  EXPECT_EQ(Format(0, 1000000), "1970-01-01T00:00:00.001Z");
  EXPECT_EQ(Format(0, 500000000), "1970-01-01T00:00:00.500Z");
}

TEST(FormatTimestampTest, AgreesWithAbseilOnEveryDay) {
  for (std::int64_t seconds = kFirst + 43200; seconds <= kLast; seconds += 86400) {
    const std::string expected = absl::FormatTime(
        "%E4Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(seconds), absl::UTCTimeZone());
    ASSERT_EQ(Format(seconds, 0), expected);
  }
}

TEST(IsTimestampTest, HoldsTheYears1To9999AndOneSecondOfNanos) {
  EXPECT_TRUE(IsTimestamp(kFirst, 0));
  EXPECT_FALSE(IsTimestamp(kFirst - 1, 999999999));
  EXPECT_TRUE(IsTimestamp(kLast, 999999999));
  EXPECT_FALSE(IsTimestamp(kLast + 1, 0));
  EXPECT_FALSE(IsTimestamp(0, -1));
  EXPECT_FALSE(IsTimestamp(0, 1000000000));
}

}  // namespace
}  // namespace eventbus::wire
