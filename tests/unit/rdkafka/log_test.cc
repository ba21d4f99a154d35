#include "server/rdkafka/log.h"

#include <gtest/gtest.h>

namespace eventbus::rdkafka {
namespace {

class SetClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  void Sleep(absl::Duration /*duration*/) const override {}
  absl::Time now = absl::UnixEpoch();
};

TEST(LogLimiterTest, LetsAFewOfAKindThroughInEachPeriod) {
  SetClock clock;
  LogLimiter limiter(clock, 2, absl::Seconds(10));
  EXPECT_TRUE(limiter.Admit("FAIL").pass);
  EXPECT_TRUE(limiter.Admit("FAIL").pass);
  EXPECT_FALSE(limiter.Admit("FAIL").pass);
  EXPECT_TRUE(limiter.Admit("ERROR").pass);
}

TEST(LogLimiterTest, TellsOnceHowManyWereHeldBack) {
  SetClock clock;
  LogLimiter limiter(clock, 1, absl::Seconds(10));
  for (int i = 0; i < 4; ++i) limiter.Admit("FAIL");
  clock.now += absl::Seconds(10);
  const LogLimiter::Decision decision = limiter.Admit("FAIL");
  EXPECT_TRUE(decision.pass);
  EXPECT_EQ(decision.suppressed, 3);
  EXPECT_EQ(limiter.Admit("FAIL").suppressed, 0);
}

}  // namespace
}  // namespace eventbus::rdkafka
