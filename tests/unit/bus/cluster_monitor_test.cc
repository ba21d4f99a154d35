#include "server/bus/cluster_monitor.h"

#include <gtest/gtest.h>

#include "server/base/error.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/manual_executor.h"

namespace eventbus::bus {
namespace {

class ClusterMonitorTest : public testing::Test {
 protected:
  void Start() {
    monitor_.Start([this](bool available) { changes_.push_back(available); });
    executor_.Run();
  }
  void Advance(absl::Duration by) {
    clock_.Advance(by);
    executor_.Run();
  }

  const absl::Status away_ = MakeError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away");
  fakes::ManualClock clock_;
  fakes::ManualExecutor executor_{clock_};
  fakes::FakeKafka kafka_;
  ClusterMonitor monitor_{kafka_, executor_, clock_, ClusterMonitor::Options()};
  std::vector<bool> changes_;
};

TEST_F(ClusterMonitorTest, BeforeTheFirstAnswerNothingIsKnown) {
  EXPECT_FALSE(monitor_.available());
  EXPECT_EQ(monitor_.latest(), nullptr);
}

TEST_F(ClusterMonitorTest, TheFirstAnswerIsAChange) {
  kafka_.AddTopic("t", 3);
  Start();
  EXPECT_TRUE(monitor_.available());
  EXPECT_EQ(monitor_.latest()->topics.at("t").partitions, 3);
  EXPECT_EQ(changes_, std::vector<bool>{true});
}

TEST_F(ClusterMonitorTest, TheSameAnswerAgainIsNone) {
  Start();
  const auto latest = monitor_.latest();
  Advance(absl::Seconds(2));
  EXPECT_EQ(monitor_.latest(), latest);
  EXPECT_EQ(changes_.size(), 1u);
}

TEST_F(ClusterMonitorTest, ANewPartitionIsAChange) {
  kafka_.AddTopic("t", 3);
  Start();
  kafka_.AddTopic("t", 4);
  Advance(absl::Seconds(2));
  EXPECT_EQ(monitor_.latest()->topics.at("t").partitions, 4);
  EXPECT_EQ(changes_, (std::vector<bool>{true, true}));
}

TEST_F(ClusterMonitorTest, AnOutageKeepsTheLastAnswerAndIsAskedAboutMoreOften) {
  kafka_.AddTopic("t", 3);
  Start();
  kafka_.SetError(away_);
  Advance(absl::Seconds(2));
  EXPECT_FALSE(monitor_.available());
  EXPECT_EQ(monitor_.latest()->topics.size(), 1u);
  kafka_.SetError(absl::OkStatus());
  Advance(absl::Milliseconds(500));
  EXPECT_TRUE(monitor_.available());
  EXPECT_EQ(changes_, (std::vector<bool>{true, false, true}));
}

TEST_F(ClusterMonitorTest, AfterStopNothingIsAsked) {
  Start();
  monitor_.Stop();
  kafka_.SetError(away_);
  Advance(absl::Hours(1));
  EXPECT_TRUE(monitor_.available());
}

}  // namespace
}  // namespace eventbus::bus
