#include "server/bus/look_ups.h"

#include <gtest/gtest.h>

#include "server/base/error.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/manual_executor.h"

namespace eventbus::bus {
namespace {

class LookUpsTest : public testing::Test {
 protected:
  LookUpsTest() { kafka_.AddTopic("t", 1); }
  absl::Status Ask() { return look_ups_.QueryWatermarks({{"t", 0}}, absl::Seconds(1)).status(); }

  fakes::ManualClock clock_;
  fakes::ManualExecutor executor_{clock_};
  fakes::FakeKafka kafka_;
  LookUps look_ups_{kafka_, executor_, "look-ups"};
};

TEST_F(LookUpsTest, OneConsumerIsMadeForTheFirst) {
  EXPECT_EQ(kafka_.live_consumers("look-ups"), 0);
  EXPECT_EQ(Ask(), absl::OkStatus());
  EXPECT_EQ(Ask(), absl::OkStatus());
  EXPECT_EQ(kafka_.live_consumers("look-ups"), 1);
}

TEST_F(LookUpsTest, AnOutageKeepsIt) {
  EXPECT_EQ(Ask(), absl::OkStatus());
  kafka_.SetError(MakeError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  EXPECT_TRUE(absl::IsUnavailable(Ask()));
  EXPECT_EQ(kafka_.live_consumers("look-ups"), 1);
}

TEST_F(LookUpsTest, OneThatIsDeadIsMadeAnew) {
  EXPECT_EQ(Ask(), absl::OkStatus());
  kafka_.SetError(MakeError(v1::ERROR_REASON_INTERNAL, "dead"));
  EXPECT_TRUE(absl::IsInternal(Ask()));
  EXPECT_EQ(kafka_.live_consumers("look-ups"), 0);
  kafka_.SetError(absl::OkStatus());
  EXPECT_EQ(Ask(), absl::OkStatus());
  EXPECT_EQ(kafka_.live_consumers("look-ups"), 1);
}

// Else they would pile up in a consumer that nobody reads.
TEST_F(LookUpsTest, WhatTheConsumerReportsIsDropped) {
  EXPECT_EQ(Ask(), absl::OkStatus());
  kafka_.FailConsumers(MakeError(v1::ERROR_REASON_INTERNAL, "dead"));
  EXPECT_GT(executor_.Run(), 0);
  EXPECT_EQ(Ask(), absl::OkStatus());
}

}  // namespace
}  // namespace eventbus::bus
