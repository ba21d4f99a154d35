#include "server/wire/json_scanner.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace eventbus::wire {
namespace {

bool IsJson(absl::string_view text) {
  JsonScanner scanner(text);
  return scanner.Skip() && scanner.Finish();
}

JsonScanner::Error ErrorOf(absl::string_view text) {
  JsonScanner scanner(text);
  EXPECT_FALSE(scanner.Skip() && scanner.Finish()) << text;
  return scanner.error();
}

class Accepted : public testing::TestWithParam<std::string> {};
TEST_P(Accepted, IsJson) { EXPECT_TRUE(IsJson(GetParam())) << GetParam(); }

INSTANTIATE_TEST_SUITE_P(Values, Accepted,
                         testing::Values("{}", "[]", "null", "true", "false", "\"\"", "0", "-0",
                                         " \t\r\n{ \t\r\n} \t\r\n", "[ ]", "[1 , 2]",
                                         "{\"a\":{\"b\":[{}]}}", "{\"\":0}", "{\"a\":1,\"a\":2}",
                                         "[[],{},\"\",null,true,false,0]"));

INSTANTIATE_TEST_SUITE_P(Numbers, Accepted,
                         testing::Values("10", "-1", "0.5", "1.50", "1e5", "1E5", "1e+5", "1e-05",
                                         "0e0", "-0.0e-0", "123456789012345678901234567890"));

INSTANTIATE_TEST_SUITE_P(Strings, Accepted,
                         testing::Values(R"("\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00")", R"("\ud800")",
                                         R"("\u0000")", "\"\x7f\"", "\"/\"", "\"\xf0\x9f\x98\x80\"",
                                         "\"12345678\"", "\"1234567\\n9\""));

class Refused : public testing::TestWithParam<std::string> {};
TEST_P(Refused, IsNotJson) { EXPECT_FALSE(IsJson(GetParam())) << GetParam(); }

INSTANTIATE_TEST_SUITE_P(Values, Refused,
                         testing::Values("", " ", "hello", "nul", "nulll", "True", "NaN",
                                         "Infinity", "-Infinity", "undefined", "'a'", "{} {}",
                                         "{}x", "{},", "// c\n{}", "/**/{}", "\f{}", "\v{}",
                                         std::string("{}\0", 3), std::string("\0{}", 3)));

INSTANTIATE_TEST_SUITE_P(Containers, Refused,
                         testing::Values("{", "[", "}", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]",
                                         "[1}", "{]", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,",
                                         "{\"a\":1,}", "{,\"a\":1}", "{\"a\" 1}", "{\"a\"::1}",
                                         "{a:1}", "{1:1}", "{\"a\":1]", "{\"a\":}",
                                         "{\"a\":1 \"b\":2}", "[1,,2]", "{null:1}"));

INSTANTIATE_TEST_SUITE_P(Numbers, Refused,
                         testing::Values("-", "+1", "01", "-01", "00", ".5", "1.", "1.e5", "1e",
                                         "1e+", "1e1.5", "0x1", "1_0", "--1", "1-", "- 1"));

INSTANTIATE_TEST_SUITE_P(Strings, Refused,
                         testing::Values("\"", "\"a", "\"\\", "\"\\\"", R"("\x41")", R"("\'")",
                                         R"("\u")", R"("\u12")", R"("\u12g4")", R"("\U0041")",
                                         "\"\n\"", "\"\t\"", "\"\x1f\"", "\"12345678\x01\"",
                                         std::string("\"\0\"", 3), std::string("\"\\\0\"", 4)));

TEST(JsonScannerTest, SixtyFourLevelsAreAllowed) {
  EXPECT_TRUE(IsJson(std::string(64, '[') + std::string(64, ']')));
}

TEST(JsonScannerTest, SixtyFiveLevelsAreTooDeep) {
  const auto error = ErrorOf(std::string(65, '[') + std::string(65, ']'));
  EXPECT_TRUE(error.too_deep);
  EXPECT_EQ(error.offset, 64u);
}

TEST(JsonScannerTest, SiblingsAreNotNesting) {
  std::string text = "[0";
  for (int i = 0; i < 200; ++i) text += ",[{}]";
  EXPECT_TRUE(IsJson(text + "]"));
}

TEST(JsonScannerTest, DepthIsLimitedByNoStack) {
  const std::string text = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  JsonScanner scanner(text, std::numeric_limits<int>::max());
  EXPECT_TRUE(scanner.Skip() && scanner.Finish());
}

TEST(JsonScannerTest, ErrorsHaveTheirPlace) {
  EXPECT_EQ(ErrorOf("{\"a\":nope}").offset, 5u);
  EXPECT_EQ(ErrorOf("{\"a\":1}}").offset, 7u);
  EXPECT_STREQ(ErrorOf("{\"a\":1").what, "the text ends too early");
}

TEST(JsonScannerTest, MembersAreSteppedThrough) {
  JsonScanner scanner(R"( { "a" : [1] , "b\n" : "x" } )");
  JsonString name;
  scanner.Peek();
  ASSERT_EQ(scanner.FirstMember(&name), JsonStep::kItem);
  EXPECT_EQ(name.raw, "a");
  EXPECT_FALSE(name.escaped);
  ASSERT_TRUE(scanner.Skip());
  ASSERT_EQ(scanner.NextMember(&name), JsonStep::kItem);
  EXPECT_EQ(name.raw, "b\\n");
  EXPECT_TRUE(name.escaped);
  ASSERT_TRUE(scanner.Skip());
  EXPECT_EQ(scanner.NextMember(&name), JsonStep::kEnd);
  EXPECT_TRUE(scanner.Finish());
}

TEST(JsonScannerTest, RewindGoesBackToAMark) {
  JsonScanner scanner(R"([[1],2])");
  const JsonScanner::Mark start = scanner.mark();
  ASSERT_EQ(scanner.FirstElement(), JsonStep::kItem);
  ASSERT_EQ(scanner.FirstElement(), JsonStep::kItem);
  scanner.Rewind(start);
  EXPECT_TRUE(scanner.Skip() && scanner.Finish());
}

TEST(Utf8Test, PrefixEndsBeforeTheFirstBadByte) {
  EXPECT_EQ(ValidUtf8Prefix("ab\xff"), 2u);
  EXPECT_EQ(ValidUtf8Prefix("\xc3\xab\xc3"), 2u);
  EXPECT_EQ(ValidUtf8Prefix("\xf0\x9f\x98\x80\x80"), 4u);
  EXPECT_EQ(ValidUtf8Prefix("\xed\xa0\x80"), 0u);
}

TEST(Utf8Test, PrefixOfALongTextIsFoundAtAnyStep) {
  std::string text;
  while (text.size() < 20'000) text += "a\xe2\x98\x83";
  EXPECT_EQ(ValidUtf8Prefix(text), text.size());
  for (const std::size_t at : {4093u, 4096u, 8192u, 12289u}) {
    std::string broken = text;
    broken[at] = '\xff';
    EXPECT_EQ(ValidUtf8Prefix(broken), at / 4 * 4 + (at % 4 == 0 ? 0 : 1));
  }
}

}  // namespace
}  // namespace eventbus::wire
