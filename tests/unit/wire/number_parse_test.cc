#include "server/wire/number_parse.h"

#include <cmath>
#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace eventbus::wire {
namespace {

struct IntCase {
  std::string text;
  std::int64_t value;
};

class Int64Fits : public testing::TestWithParam<IntCase> {};

TEST_P(Int64Fits, ExactValue) {
  std::int64_t value = 0;
  ASSERT_TRUE(ParseInt64(GetParam().text, &value)) << GetParam().text;
  EXPECT_EQ(value, GetParam().value);
}

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

INSTANTIATE_TEST_SUITE_P(
    Numbers, Int64Fits,
    testing::Values(IntCase{"0", 0}, IntCase{"7", 7}, IntCase{"-7", -7}, IntCase{"5e3", 5000},
                    IntCase{"5E+3", 5000}, IntCase{"5000.0", 5000}, IntCase{"5000.000e0", 5000},
                    IntCase{"0.005e6", 5000}, IntCase{"500000e-2", 5000}, IntCase{"-1.5e1", -15},
                    IntCase{"0.0", 0}, IntCase{"0e99999999999999999999", 0},
                    IntCase{"0e-99999999999999999999", 0},
                    IntCase{"1e18", 1'000'000'000'000'000'000},
                    IntCase{"9007199254740993", 9007199254740993},
                    IntCase{"999999999999999999", 999999999999999999},
                    IntCase{"1000000000000000001", 1000000000000000001},
                    IntCase{"9223372036854775807", kMax}, IntCase{"9223372036854775807.0", kMax},
                    IntCase{"9.223372036854775807e18", kMax},
                    IntCase{"922337203685477580700e-2", kMax},
                    IntCase{"-9223372036854775808", kMin}, IntCase{"-9223372036854775808.00", kMin},
                    IntCase{"1" + std::string(5000, '0') + "e-5000", 1},
                    IntCase{"0." + std::string(5000, '0') + "1e5001", 1}));

class Int64Refused : public testing::TestWithParam<std::string> {};

TEST_P(Int64Refused, DoesNotFit) {
  std::int64_t value = 0;
  EXPECT_FALSE(ParseInt64(GetParam(), &value)) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Numbers, Int64Refused,
                         testing::Values("-0", "-0.0", "-0e5", "0.5", "5000.7", "1e-1", "15e-1",
                                         "1e19", "1e400", "1e99999999999999999999",
                                         "1e-99999999999999999999", "9223372036854775808",
                                         "9223372036854775807.5", "-9223372036854775809",
                                         "18446744073709551616", "99999999999999999999"));

// What is no JSON number, such as the text of a string may be.
INSTANTIATE_TEST_SUITE_P(NotNumbers, Int64Refused,
                         testing::Values("", "-", "+5", "007", "-01", "00", ".5", "5.", "5.e1",
                                         "5e", "5e+", "5e1.0", " 5", "5 ", "5\n", "0x10", "1_000",
                                         "1,000", "--5", "Infinity", "NaN", "true",
                                         std::string("5\0", 2)));

class DoubleFits : public testing::TestWithParam<std::pair<std::string, double>> {};

TEST_P(DoubleFits, SameValue) {
  double value = -1;
  ASSERT_TRUE(ParseDouble(GetParam().first, &value)) << GetParam().first;
  EXPECT_EQ(value, GetParam().second);
  EXPECT_EQ(std::signbit(value), std::signbit(GetParam().second));
}

INSTANTIATE_TEST_SUITE_P(
    Numbers, DoubleFits,
    testing::Values(std::pair("85", 85.0), std::pair("85.0", 85.0), std::pair("8.5e1", 85.0),
                    std::pair("0.1", 0.1), std::pair("-0.1", -0.1), std::pair("0", 0.0),
                    std::pair("-0", -0.0), std::pair("-0.0", -0.0), std::pair("0.000e-7", 0.0),
                    std::pair("1e21", 1e21), std::pair("123456789012345", 123456789012345.0),
                    std::pair("9007199254740992", 9007199254740992.0),
                    std::pair("0.30000000000000004", 0.30000000000000004),
                    std::pair("1.7976931348623157e308", 1.7976931348623157e308),
                    std::pair("2.2250738585072014e-308", 2.2250738585072014e-308),
                    std::pair("5e-324", 5e-324), std::pair("0.5e-323", 5e-324),
                    std::pair("100000000000000000000000e-23", 1.0)));

class DoubleRefused : public testing::TestWithParam<std::string> {};

TEST_P(DoubleRefused, DoesNotFit) {
  double value = 0;
  EXPECT_FALSE(ParseDouble(GetParam(), &value)) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Numbers, DoubleRefused,
                         testing::Values("0.10000000000000000001", "0.10000000000000001",
                                         "9007199254740993", "12345678901234567890", "1e400",
                                         "-1e400", "1e309", "1.8e308", "1e-400", "4e-324",
                                         "4.9e-324", "2e-324", "1e99999999999999999999",
                                         "1e-99999999999999999999",
                                         "0.1" + std::string(5000, '0') + "1"));

INSTANTIATE_TEST_SUITE_P(NotNumbers, DoubleRefused,
                         testing::Values("", "-", "+5", "007", ".5", "5.", "1e", "NaN", "Infinity",
                                         "-Infinity", "inf", "0x1p3", " 1", "1 "));

TEST(NumberParseTest, AnExponentCostsNoMoreThanItsDigits) {
  const std::string digits(1'000'000, '9');
  std::int64_t whole = 0;
  double number = 0;
  EXPECT_FALSE(ParseInt64("1e" + digits, &whole));
  EXPECT_FALSE(ParseDouble("1e-" + digits, &number));
  EXPECT_FALSE(ParseDouble(digits, &number));
}

}  // namespace
}  // namespace eventbus::wire
