#include "server/wire/json_string.h"

#include "gtest/gtest.h"

namespace eventbus::wire {
namespace {

std::string Text(absl::string_view raw) {
  std::string text;
  EXPECT_TRUE(Unescape(raw, &text)) << raw;
  return text;
}

std::string HalfText(absl::string_view raw) {
  std::string text;
  EXPECT_FALSE(Unescape(raw, &text)) << raw;
  return text;
}

TEST(UnescapeTest, PlainTextStays) { EXPECT_EQ(Text("Zo\xc3\xab /"), "Zo\xc3\xab /"); }

TEST(UnescapeTest, SimpleEscapes) { EXPECT_EQ(Text(R"(\"\\\/\b\f\n\r\t)"), "\"\\/\b\f\n\r\t"); }

TEST(UnescapeTest, CodeUnitsOfEveryLength) {
  EXPECT_EQ(Text(R"(\u0041\u00EB\u2603\uFFFF)"), "A\xc3\xab\xe2\x98\x83\xef\xbf\xbf");
}

TEST(UnescapeTest, NulIsACharacter) { EXPECT_EQ(Text(R"(a\u0000b)"), std::string("a\0b", 3)); }

TEST(UnescapeTest, PairsAreOneCharacter) {
  EXPECT_EQ(Text(R"(\ud83d\uDE00\uD800\uDC00\udbff\udfff)"),
            "\xf0\x9f\x98\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
}

TEST(UnescapeTest, HalvesAreNoText) {
  HalfText(R"(\ud800)");
  HalfText(R"(\udc00)");
  HalfText(R"(\ud800x)");
  HalfText(R"(\ud800\n)");
  HalfText(R"(\ud800\u0041)");
  HalfText(R"(\udc00\ud800)");
  HalfText(R"(\ud800\ud800\udc00)");
}

TEST(UnescapeTest, HalvesAreTheSameHoweverSpelled) {
  EXPECT_EQ(HalfText(R"(\ud8ff)"), HalfText(R"(\uD8Ff)"));
  EXPECT_NE(HalfText(R"(\ud8ff)"), HalfText(R"(\ud8fe)"));
}

TEST(UnescapeTest, AppendsToWhatIsThere) {
  std::string text = "a";
  Unescape("b", &text);
  EXPECT_EQ(text, "ab");
}

}  // namespace
}  // namespace eventbus::wire
