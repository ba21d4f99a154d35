#include "server/bus/ack_token.h"

#include <gtest/gtest.h>

namespace eventbus::bus {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint64_t kLastNumber = (std::uint64_t{1} << 47) - 1;

const AckToken kSample{0x8877665544332211, 0x123456789, true};

TEST(AckTokenTest, IsReadBackAsItWasWritten) {
  for (const std::uint64_t stream : {std::uint64_t{0}, kSample.stream, ~std::uint64_t{0}}) {
    for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{127},
                                       std::uint64_t{1} << 32, kLastNumber}) {
      for (const bool batch : {false, true}) {
        const AckToken token{stream, number, batch};
        EXPECT_EQ(ParseAckToken(FormatAckToken(token)), token) << stream << " " << number;
      }
    }
  }
}

TEST(AckTokenTest, ItsTextIsTheSameInEveryVersion) {
  EXPECT_EQ(FormatAckToken(AckToken()), "AAAAAAAAAAAAAAAAAAA");
  EXPECT_EQ(FormatAckToken({1, 1, false}), "AQAAAAAAAAACAAAAAAA");
  EXPECT_EQ(FormatAckToken(kSample), "ESIzRFVmd4gTz4pGAgA");
  EXPECT_EQ(FormatAckToken({~std::uint64_t{0}, kLastNumber, true}), "__________________8");
}

TEST(AckTokenTest, IsNineteenCharactersThatNeedNoEscapes) {
  for (std::uint64_t number = 1; number <= kLastNumber; number *= 2) {
    const std::string text = FormatAckToken({~number * 31, number, true});
    EXPECT_EQ(text.size(), 19u);
    EXPECT_EQ(text.find_first_not_of(kAlphabet), std::string::npos) << text;
  }
}

TEST(AckTokenTest, AnyOtherLengthIsRefused) {
  const std::string text = FormatAckToken(kSample);
  for (std::size_t length = 0; length <= 64; ++length) {
    std::string other = text.substr(0, length);
    other.resize(length, 'A');
    EXPECT_EQ(ParseAckToken(other).has_value(), length == text.size()) << length;
  }
}

TEST(AckTokenTest, AnyCharacterThatEncodesNothingIsRefused) {
  const std::string text = FormatAckToken(kSample);
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      std::string other = text;
      other[i] = static_cast<char>(c);
      const bool known = absl::string_view(kAlphabet).find(other[i]) != absl::string_view::npos;
      if (known) continue;
      EXPECT_FALSE(ParseAckToken(other).has_value()) << i << " " << c;
    }
  }
}

TEST(AckTokenTest, OneTextStandsForAToken) {
  std::string text = FormatAckToken(kSample);
  int parsed = 0;
  for (const char c : absl::string_view(kAlphabet)) {
    text.back() = c;
    const auto token = ParseAckToken(text);
    if (!token.has_value()) continue;
    ++parsed;
    EXPECT_EQ(FormatAckToken(*token), text);
  }
  EXPECT_EQ(parsed, 16);  // Of the last character two bits mean nothing.
}

TEST(AckTokenTest, PaddingAndWhiteSpaceAreRefused) {
  const std::string text = FormatAckToken(kSample);
  EXPECT_FALSE(ParseAckToken(text + "=").has_value());
  EXPECT_FALSE(ParseAckToken(" " + text.substr(0, 18)).has_value());
  EXPECT_FALSE(ParseAckToken(text.substr(0, 18) + "=").has_value());
  EXPECT_FALSE(ParseAckToken(text.substr(0, 9) + "\n" + text.substr(9, 9)).has_value());
}

}  // namespace
}  // namespace eventbus::bus
