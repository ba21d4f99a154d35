#include "server/wire/extra_json.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace eventbus::wire {
namespace {

// `name=value` of each member; `!` after a repeated one; or the problem.
std::string Read(absl::string_view text, int level = 1) {
  ExtraJson extra;
  std::string problem;
  if (!ReadExtraJson(text, level, &extra, &problem)) return problem;
  std::string out;
  for (const ExtraMember& member : extra.members) {
    absl::StrAppend(&out, member.name_text, "=", member.value, member.repeated ? "! " : " ");
  }
  return out;
}

TEST(ExtraJsonTest, KeepsNamesAndValuesToTheLetter) {
  EXPECT_EQ(Read(" { \"\\u0061\" :\n[ 1.0 , 2 ]\t, \"b\":-0e5 } "),
            "\"\\u0061\"=[ 1.0 , 2 ] \"b\"=-0e5 ");
  EXPECT_EQ(Read("{}"), "");
}

TEST(ExtraJsonTest, UnescapesNames) {
  ExtraJson extra;
  std::string problem;
  ASSERT_TRUE(ReadExtraJson(R"({"\u0061\n":1,"\ud800":2})", 1, &extra, &problem));
  EXPECT_EQ(extra.members[0].name, "a\n");
  EXPECT_EQ(extra.members[1].name, "\xed\xa0\x80");
}

TEST(ExtraJsonTest, FindsRepeatedNamesHoweverSpelled) {
  EXPECT_EQ(Read(R"({"a":1,"b":2,"\u0061":3})"), R"("a"=1! "b"=2 "\u0061"=3 )");
  EXPECT_EQ(Read(R"({"\ud800":1,"\uD800":2})"), R"("\ud800"=1! "\uD800"=2 )");
}

TEST(ExtraJsonTest, FindsRepeatedNamesAmongMany) {
  std::string text = "{\"x\":0";
  for (int i = 0; i < 100; ++i) absl::StrAppend(&text, ",\"n", i, "\":0");
  ExtraJson extra;
  std::string problem;
  ASSERT_TRUE(ReadExtraJson(text + ",\"x\":1}", 1, &extra, &problem));
  EXPECT_TRUE(extra.repeated);
  EXPECT_TRUE(extra.members.front().repeated);
  EXPECT_FALSE(extra.members.back().repeated);
}

TEST(ExtraJsonTest, NamesInsideAreNotItsOwn) {
  EXPECT_EQ(Read(R"({"a":{"a":1,"a":2}})"), R"("a"={"a":1,"a":2} )");
}

TEST(ExtraJsonTest, MustBeAnObject) {
  for (const char* text : {"[]", "null", "5", "\"x\"", ""}) {
    EXPECT_EQ(Read(text), "not a JSON object, one JSON object is allowed");
  }
}

TEST(ExtraJsonTest, MustBeStrictJson) {
  for (const char* text :
       {"{", "{} {}", "{\"a\":01}", "{\"a\":1,}", "{a:1}", "{\"a\":NaN}", "{\"a\":\"\x01\"}",
        "{\"a\":'x'}", "{\"a\":\"\\x\"}", "\xef\xbb\xbf{}"}) {
    const std::string read = Read(text);
    EXPECT_NE(read.find("one JSON object is allowed"), std::string::npos) << text << ": " << read;
  }
}

TEST(ExtraJsonTest, SaysWhereItIsNotJson) {
  EXPECT_EQ(Read("{\"a\":1,}"), "byte 7: a member's name is missing, one JSON object is allowed");
}

TEST(ExtraJsonTest, NestingCountsFromTheEventsObject) {
  const auto nested = [](int levels) {
    const auto count = static_cast<std::size_t>(levels - 1);
    return absl::StrCat("{\"a\":", std::string(count, '['), std::string(count, ']'), "}");
  };
  EXPECT_EQ(Read(nested(64)).substr(0, 4), "\"a\"=");
  EXPECT_EQ(Read(nested(65)),
            "nested deeper than 64 levels from the event's own object, at most 64 are allowed");
  EXPECT_EQ(Read(nested(63), 2).substr(0, 4), "\"a\"=");
  EXPECT_EQ(Read(nested(64), 2),
            "nested deeper than 64 levels from the event's own object, at most 64 are allowed");
}

}  // namespace
}  // namespace eventbus::wire
