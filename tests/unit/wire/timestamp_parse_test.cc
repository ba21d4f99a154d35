#include "server/wire/timestamp_parse.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace eventbus::wire {
namespace {

constexpr std::int64_t kTenOClock = 1704103200;  // 2024-01-01T10:00:00Z

class TimestampFits : public testing::TestWithParam<std::pair<const char*, WireTime>> {};

TEST_P(TimestampFits, Instant) {
  WireTime time;
  ASSERT_TRUE(ParseTimestamp(GetParam().first, &time)) << GetParam().first;
  EXPECT_EQ(time.seconds, GetParam().second.seconds);
  EXPECT_EQ(time.nanos, GetParam().second.nanos);
}

INSTANTIATE_TEST_SUITE_P(
    Spellings, TimestampFits,
    testing::Values(std::pair("2024-01-01T10:00:00Z", WireTime{kTenOClock, 0}),
                    std::pair("2024-01-01t10:00:00z", WireTime{kTenOClock, 0}),
                    std::pair("2024-01-01 10:00:00Z", WireTime{kTenOClock, 0}),
                    std::pair("2024-01-01T10:00:00", WireTime{kTenOClock, 0}),
                    std::pair("2024-01-01T15:30:00+05:30", WireTime{kTenOClock, 0}),
                    std::pair("2023-12-31T22:15:00-11:45", WireTime{kTenOClock, 0}),
                    std::pair("2024-01-01T10:00:00-00:00", WireTime{kTenOClock, 0}),
                    std::pair("2024-01-02T09:59:00+23:59", WireTime{kTenOClock, 0})));

INSTANTIATE_TEST_SUITE_P(
    Fractions, TimestampFits,
    testing::Values(std::pair("2024-01-01T10:00:00.5Z", WireTime{kTenOClock, 500'000'000}),
                    std::pair("2024-01-01T10:00:00.000Z", WireTime{kTenOClock, 0}),
                    std::pair("2024-01-01T10:00:00.123456", WireTime{kTenOClock, 123'456'000}),
                    std::pair("2024-01-01T10:00:00.123456789Z", WireTime{kTenOClock, 123'456'789}),
                    std::pair("2024-01-01T10:00:00.1234567890000Z",
                              WireTime{kTenOClock, 123'456'789}),
                    std::pair("1969-12-31T23:59:59.5Z", WireTime{-1, 500'000'000})));

INSTANTIATE_TEST_SUITE_P(
    Edges, TimestampFits,
    testing::Values(std::pair("1970-01-01T00:00:00Z", WireTime{0, 0}),
                    std::pair("2024-02-29T00:00:00Z", WireTime{1709164800, 0}),
                    std::pair("2000-02-29T00:00:00Z", WireTime{951782400, 0}),
                    std::pair("0001-01-01T00:00:00Z", WireTime{-62135596800, 0}),
                    std::pair("0000-12-31T23:00:00-01:00", WireTime{-62135596800, 0}),
                    std::pair("9999-12-31T23:59:59.999999999Z", WireTime{253402300799, 999999999}),
                    std::pair("9999-12-31T23:59:59+00:01", WireTime{253402300739, 0})));

class TimestampRefused : public testing::TestWithParam<std::string> {};

TEST_P(TimestampRefused, DoesNotFit) {
  WireTime time;
  EXPECT_FALSE(ParseTimestamp(GetParam(), &time)) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(WouldLose, TimestampRefused,
                         testing::Values("2024-01-01T10:00:00.1234567891Z",
                                         "2024-01-01T10:00:00.0000000001Z", "2024-01-01T23:59:60Z",
                                         "2024-01-01T24:00:00Z", "0001-01-01T00:00:00+00:01",
                                         "0000-12-31T23:59:59Z", "9999-12-31T23:59:59-00:01"));

INSTANTIATE_TEST_SUITE_P(NoSuchTime, TimestampRefused,
                         testing::Values("2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
                                         "2024-04-31T00:00:00Z", "2024-00-01T00:00:00Z",
                                         "2024-13-01T00:00:00Z", "2024-01-00T00:00:00Z",
                                         "2024-01-32T00:00:00Z", "2024-01-01T10:60:00Z",
                                         "2024-01-01T10:00:00+24:00", "2024-01-01T10:00:00+05:60"));

INSTANTIATE_TEST_SUITE_P(
    NotRfc3339, TimestampRefused,
    testing::Values("", "2024-01-01", "10:00:00Z", "2024-01-01T10:00Z", "2024-01-01T10:00:00.Z",
                    "2024-01-01T10:00:00,5Z", "2024-01-01T10:00:00+0530", "2024-01-01T10:00:00+05",
                    "2024-01-01T10:00:00 Z", "2024-01-01T10:00:00Z ", " 2024-01-01T10:00:00Z",
                    "2024-01-01_10:00:00Z", "2024-01-01  10:00:00Z", "24-01-01T10:00:00Z",
                    "12024-01-01T10:00:00Z", "+2024-01-01T10:00:00Z", "-2024-01-01T10:00:00Z",
                    "2024-1-01T10:00:00Z", "2024-01-01T1:00:00Z", "2024/01/01T10:00:00Z",
                    "2024-01-01T10:00:00ZZ", "20240101T100000Z", "1704103200",
                    std::string("2024-01-01T10:00:00Z\0", 21)));

}  // namespace
}  // namespace eventbus::wire
