#include "server/bus/resume_token.h"

#include <gtest/gtest.h>

namespace eventbus::bus {
namespace {

ResumeToken Sample() {
  ResumeToken token;
  token.cluster_id = "Ek9Qh3ZkQz2yVv4tZpZk7A";
  token.positions = {{{"analytics-events", 0}, 0},
                     {{"analytics-events", 5}, 127},
                     {{"document-events", 2}, 9'007'199'254'740'993},
                     {{"tutor-queries", 1}, 128}};
  return token;
}

TEST(ResumeTokenTest, IsReadBackAsItWasWritten) {
  EXPECT_EQ(ParseResumeToken(FormatResumeToken(Sample())), Sample());
}

TEST(ResumeTokenTest, OfNoPartitionsIsReadBack) {
  ResumeToken token;
  token.cluster_id = "c";
  EXPECT_EQ(ParseResumeToken(FormatResumeToken(token)), token);
}

TEST(ResumeTokenTest, IsSafeInAUrl) {
  EXPECT_EQ(FormatResumeToken(Sample()).find_first_not_of(
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
}

TEST(ResumeTokenTest, AnyChangedCharacterIsRefused) {
  const std::string text = FormatResumeToken(Sample());
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {  // The last may hold unused bits.
    std::string damaged = text;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(ParseResumeToken(damaged).has_value()) << i;
  }
}

TEST(ResumeTokenTest, AnyPartOfItIsRefused) {
  const std::string text = FormatResumeToken(Sample());
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(ParseResumeToken(text.substr(0, i)).has_value()) << i;
  }
}

TEST(ResumeTokenTest, WhatIsNoTokenIsRefused) {
  EXPECT_FALSE(ParseResumeToken("").has_value());
  EXPECT_FALSE(ParseResumeToken("hello").has_value());
  EXPECT_FALSE(ParseResumeToken("!!!!").has_value());
}

}  // namespace
}  // namespace eventbus::bus
