#include "server/rpc/answer_queue.h"

#include <gtest/gtest.h>

namespace eventbus::rpc {
namespace {

TEST(AnswerQueueTest, AnswersLeaveInTheOrderOfTheRequests) {
  AnswerQueue answers;
  const auto a = answers.Expect(1);
  const auto b = answers.Expect(1);
  const auto c = answers.Expect(1);
  answers.Answer(c, "c");
  answers.Answer(b, "b");
  EXPECT_FALSE(answers.ready());
  answers.Answer(a, "a");
  EXPECT_EQ(answers.Take(), "a");
  EXPECT_EQ(answers.Take(), "b");
  const auto d = answers.Expect(1);
  EXPECT_EQ(answers.Take(), "c");
  EXPECT_FALSE(answers.ready());
  answers.Answer(d, "d");
  EXPECT_EQ(answers.Take(), "d");
  EXPECT_EQ(answers.size(), 0u);
}

TEST(AnswerQueueTest, RequestsAndAnswersCountUntilTaken) {
  AnswerQueue answers;
  answers.Expect(10);
  const auto second = answers.Expect(100);
  answers.Answer(second, std::string(1000, 'x'));
  EXPECT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers.bytes(), 1110u);
  answers.Answer(0, "xx");
  answers.Take();
  EXPECT_EQ(answers.bytes(), 1100u);
  answers.Take();
  EXPECT_EQ(answers.bytes(), 0u);
}

TEST(AnswerQueueTest, AnEmptyAnswerIsOne) {
  AnswerQueue answers;
  answers.Answer(answers.Expect(0), "");
  EXPECT_TRUE(answers.ready());
  EXPECT_EQ(answers.Take(), "");
}

}  // namespace
}  // namespace eventbus::rpc
