#include "server/bus/acknowledge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <utility>

#include "absl/types/optional.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

using Reasons = std::vector<v1::ErrorReason>;
using Errors = std::vector<std::pair<std::string, v1::ErrorReason>>;

constexpr v1::ErrorReason kSettled = v1::ERROR_REASON_UNSPECIFIED;
constexpr v1::ErrorReason kInvalid = v1::ERROR_REASON_ACK_TOKEN_INVALID;
constexpr v1::ErrorReason kNotOwned = v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED;
constexpr v1::ErrorReason kExpired = v1::ERROR_REASON_ACK_TOKEN_EXPIRED;

Errors ToPairs(const std::vector<AckError>& errors) {
  Errors pairs;
  for (const AckError& error : errors) pairs.emplace_back(error.token, error.reason);
  return pairs;
}

// Keeps what it is asked until it is told what to answer.
class HeldTarget final : public AckTarget {
 public:
  struct Asked {
    Settlement<AckToken> settlement;
    Done done;
  };

  explicit HeldTarget(AckRegistry& registry) : registry_(registry) {}

  static std::shared_ptr<HeldTarget> Enter(AckRegistry& registry) {
    auto target = std::make_shared<HeldTarget>(registry);
    target->stream_ = registry.Enter(target);
    return target;
  }

  void Settle(Settlement<AckToken> asked, Done done) override {
    registry_.Leave(0);  // Would not return if the registry called under its lock.
    asked_.push_back({std::move(asked), std::move(done)});
  }

  std::string Token(std::uint64_t number, bool batch = false) const {
    return FormatAckToken({stream_, number, batch});
  }

  std::vector<Asked>& asked() { return asked_; }
  std::uint64_t stream() const { return stream_; }

 private:
  AckRegistry& registry_;
  std::uint64_t stream_ = 0;
  std::vector<Asked> asked_;
};

class AckRegistryTest : public testing::Test {
 protected:
  void Acknowledge(const std::vector<std::string>& tokens) { Settle({tokens, {}, {}}); }
  void Settle(Settlement<std::string> asked) {
    registry_.Settle(std::move(asked), [this](const std::vector<AckError>& errors) {
      ++answers_;
      errors_ = ToPairs(errors);
    });
  }

  int answers_ = 0;
  Errors errors_;
  AckRegistry registry_;
  // Last: a target that goes answers what it has held.
  std::shared_ptr<HeldTarget> first_ = HeldTarget::Enter(registry_);
  std::shared_ptr<HeldTarget> second_ = HeldTarget::Enter(registry_);
};

TEST_F(AckRegistryTest, AStreamIsAskedOnceForAllItsTokensInTheirOrder) {
  Acknowledge({first_->Token(7), second_->Token(1, true), first_->Token(3, true)});
  ASSERT_EQ(first_->asked().size(), 1u);
  EXPECT_THAT(first_->asked()[0].settlement.acks, ElementsAre(AckToken{first_->stream(), 7, false},
                                                              AckToken{first_->stream(), 3, true}));
  ASSERT_EQ(second_->asked().size(), 1u);
  EXPECT_THAT(second_->asked()[0].settlement.acks,
              ElementsAre(AckToken{second_->stream(), 1, true}));
}

TEST_F(AckRegistryTest, EachStreamIsAskedForItsRetriesAndDeadLettersToo) {
  Settle({{first_->Token(1)},
          {{second_->Token(2), absl::Seconds(3)}, {first_->Token(4), absl::nullopt}},
          {{first_->Token(5), "broken"}, {"none", "lost"}}});
  const Settlement<AckToken>& first = first_->asked()[0].settlement;
  EXPECT_THAT(first.acks, ElementsAre(AckToken{first_->stream(), 1, false}));
  ASSERT_EQ(first.retries.size(), 1u);
  EXPECT_EQ(first.retries[0].token.number, 4u);
  EXPECT_EQ(first.retries[0].delay, absl::nullopt);
  ASSERT_EQ(first.dead_letters.size(), 1u);
  EXPECT_EQ(first.dead_letters[0].token.number, 5u);
  EXPECT_EQ(first.dead_letters[0].reason, "broken");
  const Settlement<AckToken>& second = second_->asked()[0].settlement;
  EXPECT_EQ(second.retries.at(0).delay, absl::Seconds(3));
  first_->asked()[0].done({kSettled, kExpired, kSettled});
  second_->asked()[0].done({kExpired});
  EXPECT_THAT(errors_, ElementsAre(Pair(second_->Token(2), kExpired),
                                   Pair(first_->Token(4), kExpired), Pair("none", kInvalid)));
}

TEST_F(AckRegistryTest, IsAnsweredOnceTheLastStreamHasAnswered) {
  Acknowledge({first_->Token(0), second_->Token(0)});
  second_->asked()[0].done({kSettled});
  EXPECT_EQ(answers_, 0);
  first_->asked()[0].done({kSettled});
  EXPECT_EQ(answers_, 1);
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(AckRegistryTest, ErrorsComeInTheOrderOfTheTokens) {
  const std::string unknown = FormatAckToken({first_->stream() ^ second_->stream(), 1, false});
  const std::vector<std::string> tokens = {second_->Token(2), "hello", first_->Token(1), unknown,
                                           first_->Token(0),  "",      second_->Token(1)};
  Acknowledge(tokens);
  first_->asked()[0].done({kExpired, kSettled});
  second_->asked()[0].done({kExpired, kNotOwned});
  EXPECT_EQ(errors_, (Errors{{tokens[0], kExpired},
                             {"hello", kInvalid},
                             {tokens[2], kExpired},
                             {unknown, kNotOwned},
                             {"", kInvalid},
                             {tokens[6], kNotOwned}}));
}

TEST_F(AckRegistryTest, WithoutAStreamItIsAnsweredAtOnce) {
  Acknowledge({"hello"});
  EXPECT_EQ(errors_, (Errors{{"hello", kInvalid}}));
  Acknowledge({});
  EXPECT_EQ(answers_, 2);
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(AckRegistryTest, TheSameTokenTwiceIsAskedTwiceAndAnsweredTwice) {
  const std::string token = first_->Token(4);
  Acknowledge({token, token});
  ASSERT_EQ(first_->asked()[0].settlement.acks.size(), 2u);
  first_->asked()[0].done({kExpired, kExpired});
  EXPECT_EQ(errors_, (Errors{{token, kExpired}, {token, kExpired}}));
}

TEST_F(AckRegistryTest, AStreamThatHasLeftOwnsNothing) {
  registry_.Leave(first_->stream());
  Acknowledge({first_->Token(1)});
  EXPECT_THAT(first_->asked(), IsEmpty());
  EXPECT_EQ(errors_, (Errors{{first_->Token(1), kNotOwned}}));
}

TEST_F(AckRegistryTest, AStreamThatIsGoneOwnsNothing) {
  const std::string token = first_->Token(1);
  first_.reset();
  Acknowledge({token});
  EXPECT_EQ(errors_, (Errors{{token, kNotOwned}}));
}

TEST_F(AckRegistryTest, AStreamThatGoesWithoutAnAnswerOwnedNothing) {
  const std::string token = first_->Token(1);
  Acknowledge({token, first_->Token(2), second_->Token(1)});
  second_->asked()[0].done({kSettled});
  const std::string other = first_->Token(2);
  EXPECT_EQ(answers_, 0);
  first_.reset();
  EXPECT_EQ(answers_, 1);
  EXPECT_EQ(errors_, (Errors{{token, kNotOwned}, {other, kNotOwned}}));
}

TEST_F(AckRegistryTest, AnAnswerCountsOnceAlsoWhenItIsDroppedAfterwards) {
  Acknowledge({first_->Token(1), second_->Token(1)});
  first_->asked()[0].done({kSettled});
  first_->asked().clear();
  EXPECT_EQ(answers_, 0);
  second_->asked()[0].done({kSettled});
  EXPECT_EQ(answers_, 1);
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(AckRegistryTest, NoTwoStreamsHaveTheSameRandomPart) {
  std::set<std::uint64_t> streams;
  for (int i = 0; i < 1000; ++i) streams.insert(registry_.Enter({}));
  EXPECT_EQ(streams.size(), 1000u);
  // Random over the whole width: each bit is both 0 and 1 somewhere.
  std::uint64_t ones = 0;
  std::uint64_t zeros = 0;
  for (const std::uint64_t stream : streams) {
    ones |= stream;
    zeros |= ~stream;
  }
  EXPECT_EQ(ones & zeros, ~std::uint64_t{0});
}

// Answers on a thread of its own, odd numbers with EXPIRED.
class ThreadTarget final : public AckTarget {
 public:
  ~ThreadTarget() override {
    for (std::thread& thread : threads_) thread.join();
  }

  void Settle(Settlement<AckToken> asked, Done done) override {
    MutexLock lock(mu_);
    threads_.emplace_back([tokens = std::move(asked.acks), done = std::move(done)]() mutable {
      Reasons reasons;
      for (const AckToken& token : tokens) {
        reasons.push_back(token.number % 2 == 1 ? kExpired : kSettled);
      }
      done(std::move(reasons));
    });
  }

 private:
  Mutex mu_;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mu_);
};

TEST(AckRegistryThreadsTest, AnswersOfManyThreadsAreJoinedInOrder) {
  constexpr int kStreams = 8;
  constexpr int kCalls = 50;
  AckRegistry registry;
  std::vector<std::shared_ptr<ThreadTarget>> targets;
  std::vector<std::string> tokens;
  Errors expected;
  std::vector<std::uint64_t> streams;
  for (int i = 0; i < kStreams; ++i) {
    targets.push_back(std::make_shared<ThreadTarget>());
    streams.push_back(registry.Enter(targets.back()));
  }
  for (std::uint64_t number = 0; number < 100; ++number) {
    tokens.push_back(FormatAckToken({streams[number % kStreams], number / kStreams, false}));
    if (number / kStreams % 2 == 1) expected.emplace_back(tokens.back(), kExpired);
  }
  std::atomic<int> right{0};
  for (int i = 0; i < kCalls; ++i) {
    registry.Settle({tokens, {}, {}}, [&](const std::vector<AckError>& errors) {
      if (ToPairs(errors) == expected) ++right;
    });
  }
  targets.clear();  // Joins.
  EXPECT_EQ(right, kCalls);
}

TEST(AckRegistryThreadsTest, StreamsMayComeAndGoWhileTheyAreAsked) {
  AckRegistry registry;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> latest{0};
  std::thread streams([&] {
    while (!stop) {
      auto target = std::make_shared<ThreadTarget>();
      const std::uint64_t stream = registry.Enter(target);
      latest = stream;
      if (stream % 2 == 0) registry.Leave(stream);
      target.reset();
      registry.Leave(stream);
    }
  });
  std::atomic<int> answers{0};
  for (int i = 0; i < 500; ++i) {
    registry.Settle({{FormatAckToken({latest, 0, false})}, {}, {}},
                    [&](const std::vector<AckError>&) { ++answers; });
  }
  stop = true;
  streams.join();
  EXPECT_EQ(answers, 500);
}

}  // namespace
}  // namespace eventbus::bus
