#include "tests/simulation/shrink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simulation/world.h"

namespace eventbus::simulation {
namespace {

using testing::ElementsAre;
using testing::Field;

bool Has(const Schedule& schedule, Act act) {
  return std::any_of(schedule.steps.begin(), schedule.steps.end(),
                     [act](const Step& step) { return step.act == act; });
}

Schedule Long() {
  Schedule schedule;
  schedule.setup.events = 20;
  schedule.setup.servers = 3;
  for (std::uint32_t i = 0; i < 90; ++i) {
    schedule.steps.push_back({i == 17 ? Act::kCrash : i == 71 ? Act::kKick : Act::kFlow, i, i});
  }
  return schedule;
}

TEST(ShrinkTest, LeavesTheStepsThatItTakes) {
  const Schedule least = Shrink(Long(), [](const Schedule& schedule) {
    return Has(schedule, Act::kCrash) && Has(schedule, Act::kKick) ? "lost" : "";
  });
  EXPECT_THAT(least.steps,
              ElementsAre(Field(&Step::act, Act::kCrash), Field(&Step::act, Act::kKick)));
  EXPECT_EQ(least.steps[0].b, 17u);
}

TEST(ShrinkTest, LeavesTheSmallestWorldThatItTakes) {
  const Schedule least = Shrink(Long(), [](const Schedule& schedule) {
    return schedule.setup.events >= 4 && schedule.setup.servers == 3 ? "lost" : "";
  });
  EXPECT_TRUE(least.steps.empty());
  EXPECT_EQ(least.setup.events, 4);
  EXPECT_EQ(least.setup.servers, 3);
}

// Numbers are of the schedule; what is wrong must stay the same.
TEST(ShrinkTest, KeepsToWhatWasWrong) {
  const Schedule least = Shrink(Long(), [](const Schedule& schedule) {
    if (schedule.steps.size() > 50) return std::string("event 7 is lost");
    return schedule.steps.size() > 20 ? std::string("event 3 is lost") : std::string("other");
  });
  EXPECT_EQ(least.steps.size(), 21u);
}

TEST(ScheduleTest, FollowsFromItsSeed) {
  EXPECT_EQ(Describe(Draw(41)), Describe(Draw(41)));
  EXPECT_NE(Describe(Draw(41)), Describe(Draw(42)));
}

TEST(WorldTest, TheSameHappensEachTime) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Schedule schedule = Draw(seed);
    const Result first = simulation::Run(schedule);
    EXPECT_EQ(first.verdict, "") << seed;
    EXPECT_EQ(simulation::Run(schedule).counts.deliveries, first.counts.deliveries) << seed;
  }
}

}  // namespace
}  // namespace eventbus::simulation
