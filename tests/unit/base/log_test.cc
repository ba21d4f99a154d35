#include "server/base/log.h"

#include <gtest/gtest.h>

namespace eventbus {
namespace {

TEST(FormatLogFieldsTest, PlainWordsStandAsTheyAre) {
  EXPECT_EQ(FormatLogFields("listening", {{"address", "127.0.0.1:50051"}}),
            "msg=listening address=127.0.0.1:50051");
}

TEST(FormatLogFieldsTest, WhatWouldBeReadAsMoreIsQuoted) {
  EXPECT_EQ(FormatLogFields("stream ended", {{"a", "x=y"}, {"b", ""}, {"c", "say \"hi\""}}),
            R"(msg="stream ended" a="x=y" b="" c="say \"hi\"")");
}

TEST(FormatLogFieldsTest, ALineStaysALine) {
  EXPECT_EQ(FormatLogFields("m", {{"a", "1\n2\r3\t4"}}), R"(msg=m a="1\n2\r3\t4")");
}

TEST(FormatLogFieldsTest, OtherAlphabetsStayReadable) {
  EXPECT_EQ(FormatLogFields("m", {{"a", "Zoë ☃"}}), "msg=m a=\"Zoë ☃\"");
}

}  // namespace
}  // namespace eventbus
