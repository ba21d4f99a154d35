#include "server/app/provisioner.h"

#include <gtest/gtest.h>

#include "server/base/error.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/schema.h"

namespace eventbus::app {
namespace {

class ProvisionerTest : public testing::Test {
 protected:
  void Advance(absl::Duration by) {
    clock_.Advance(by);
    executor_.Run();
  }

  fakes::ManualClock clock_;
  fakes::ManualExecutor executor_{clock_};
  fakes::FakeKafka kafka_;
  int done_ = 0;
  Provisioner provisioner_{fakes::Schema::Get().catalog, 1, kafka_, executor_, clock_,
                           [this] { ++done_; }};
};

TEST_F(ProvisionerTest, NothingHappensBeforeStart) {
  executor_.Run();
  EXPECT_FALSE(provisioner_.done());
}

TEST_F(ProvisionerTest, IsDoneOnceTheTopicsAreThere) {
  provisioner_.Start();
  executor_.Run();
  EXPECT_TRUE(provisioner_.done());
  EXPECT_EQ(kafka_.created().size(), 5u);
  provisioner_.Start();
  executor_.Run();
  EXPECT_EQ(done_, 1);
}

TEST_F(ProvisionerTest, AnOutageIsTriedAgainAfterFiveSeconds) {
  kafka_.SetError(MakeError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  provisioner_.Start();
  executor_.Run();
  EXPECT_FALSE(provisioner_.done());
  kafka_.SetError(absl::OkStatus());
  Advance(absl::Seconds(4));
  EXPECT_FALSE(provisioner_.done());
  Advance(absl::Seconds(1));
  EXPECT_TRUE(provisioner_.done());
  EXPECT_EQ(done_, 1);
}

TEST_F(ProvisionerTest, TopicsThatCannotBeHadAreDoneToo) {
  kafka_.SetError(MakeError(v1::ERROR_REASON_PUBLISH_DENIED, "denied"));
  provisioner_.Start();
  executor_.Run();
  EXPECT_TRUE(provisioner_.done());
  EXPECT_EQ(done_, 1);
}

TEST_F(ProvisionerTest, AfterStopNothingIsTried) {
  provisioner_.Stop();
  provisioner_.Start();
  executor_.Run();
  EXPECT_FALSE(provisioner_.done());
}

}  // namespace
}  // namespace eventbus::app
