#include "server/wire/number_format.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace eventbus::wire {
namespace {

std::string Format(double value) {
  char text[kMaxDoubleLength];
  return {text, FormatDouble(value, text)};
}

TEST(FormatDoubleTest, WritesAsEcmaScriptDoes) {
  const std::pair<double, const char*> kTable[] = {
      {0, "0"},
      {1, "1"},
      {-1, "-1"},
      {85.5, "85.5"},
      {100, "100"},
      {1024000, "1024000"},
      {0.1, "0.1"},
      {0.1 + 0.2, "0.30000000000000004"},
      {1.0 / 3, "0.3333333333333333"},
      {123.456, "123.456"},
      {-123.456, "-123.456"},
      {0.000001, "0.000001"},
      {0.00000123, "0.00000123"},
      {1e-7, "1e-7"},
      {1.5e-7, "1.5e-7"},
      {-1.23e-10, "-1.23e-10"},
      {9007199254740991, "9007199254740991"},
      {9007199254740992, "9007199254740992"},
      {9007199254740994, "9007199254740994"},
      {123456789012345680000.0, "123456789012345680000"},
      {1e20, "100000000000000000000"},
      {999999999999999900000.0, "999999999999999900000"},
      {1e21, "1e+21"},
      {1.5e21, "1.5e+21"},
      {-1e21, "-1e+21"},
      {1e23, "1e+23"},
      {1e100, "1e+100"},
      {2e-308, "2e-308"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {2.2250738585072014e-308, "2.2250738585072014e-308"},
      {5e-324, "5e-324"},
  };
  for (const auto& [value, text] : kTable) EXPECT_EQ(Format(value), text);
}

TEST(FormatDoubleTest, MinusZeroKeepsItsSign) { EXPECT_EQ(Format(-0.0), "-0.0"); }

TEST(FormatDoubleTest, ReadsBackAsTheSameDouble) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, sizeof(value));
    if (!std::isfinite(value)) continue;
    const std::string text = Format(value);
    ASSERT_EQ(std::strtod(text.c_str(), nullptr), value) << text;
    ASSERT_LT(text.size(), static_cast<std::size_t>(kMaxDoubleLength));
  }
}

TEST(FormatDoubleTest, WholeNumbersHaveTheDigitsThatAnyOtherDoubleWouldHave) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 10'000; ++i) {
    const auto whole = static_cast<std::int64_t>(random() >> (11 + random() % 53));
    EXPECT_EQ(Format(static_cast<double>(whole)), std::to_string(whole));
  }
}

}  // namespace
}  // namespace eventbus::wire
