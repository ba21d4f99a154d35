#include "server/wire/json_writer.h"

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace eventbus::wire {
namespace {

// `text` as a JSON string; `refused` if it is not UTF-8.
std::string Quoted(absl::string_view text) {
  JsonWriter writer;
  if (!writer.String(text)) return "refused";
  writer.End();
  return std::string(writer.written());
}

TEST(JsonWriterTest, CommasStandBetweenMembersAndElements) {
  JsonWriter writer;
  writer.Open('{');
  writer.Raw("\"a\":");
  writer.Open('[');
  writer.Int64(1);
  writer.Value("null");
  writer.Close(']');
  writer.Name("b");
  writer.Open('{');
  writer.Close('}');
  writer.Close('}');
  writer.End();
  EXPECT_EQ(writer.written(), R"({"a":[1,null],"b":{}})");
}

TEST(JsonWriterTest, PlainTextStandsForItself) {
  EXPECT_EQ(Quoted(""), "\"\"");
  EXPECT_EQ(Quoted("a/b \x7f Zoë ☃ 😀"), "\"a/b \x7f Zoë ☃ 😀\"");
}

TEST(JsonWriterTest, EscapesOnlyWhatJsonDemands) {
  EXPECT_EQ(Quoted("\"\\/"), R"("\"\\/")");
  EXPECT_EQ(Quoted("\b\f\n\r\t"), R"("\b\f\n\r\t")");
  EXPECT_EQ(Quoted(absl::string_view("\0\x01\x0b\x1f", 4)), R"("\u0000\u0001\u000b\u001f")");
  EXPECT_EQ(Quoted("\u2028\u2029"), "\"\u2028\u2029\"");
}

TEST(JsonWriterTest, FindsWhatToEscapeAtEveryPlace) {
  for (std::size_t length = 0; length < 40; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      std::string text(length, 'x');
      text[at] = '"';
      const std::string expected =
          absl::StrCat("\"", text.substr(0, at), "\\\"", text.substr(at + 1), "\"");
      EXPECT_EQ(Quoted(text), expected);
    }
  }
}

TEST(JsonWriterTest, EscapesLongText) {
  std::string expected = "\"";
  for (int i = 0; i < 5000; ++i) expected += "\\u0001";
  EXPECT_EQ(Quoted(std::string(5000, '\x01')), expected + "\"");
}

TEST(JsonWriterTest, RefusesWhatIsNotUtf8) {
  EXPECT_EQ(Quoted("\xff"), "refused");
  EXPECT_EQ(Quoted("abcdefgh\x80"), "refused");
  EXPECT_EQ(Quoted("\xc0\x80"), "refused");
  EXPECT_EQ(Quoted("\xed\xa0\x80"), "refused");
  EXPECT_EQ(Quoted("\xf4\x90\x80\x80"), "refused");
  EXPECT_EQ(Quoted("\xe2\x98"), "refused");
}

TEST(JsonWriterTest, WritesEveryInt64) {
  JsonWriter writer;
  writer.Int64(std::numeric_limits<std::int64_t>::min());
  writer.Int64(std::numeric_limits<std::int64_t>::max());
  writer.Int64(0);
  writer.End();
  EXPECT_EQ(writer.written(), "-9223372036854775808,9223372036854775807,0");
}

TEST(JsonWriterTest, TruncateForgetsTheEnd) {
  JsonWriter writer;
  writer.Int64(1);
  const std::size_t size = writer.size();
  writer.String(std::string(10'000, 'x'));
  writer.Truncate(size);
  writer.Int64(2);
  writer.End();
  EXPECT_EQ(writer.written(), "1,2");
}

TEST(JsonWriterTest, IsUsedAgain) {
  JsonWriter writer;
  writer.String(std::string(10'000, 'x'));
  writer.Clear(100);
  EXPECT_EQ(writer.size(), 0u);
  writer.Int64(7);
  writer.End();
  EXPECT_EQ(writer.written(), "7");
}

}  // namespace
}  // namespace eventbus::wire
