#include "server/app/health.h"

#include <gtest/gtest.h>

#include <map>

namespace eventbus::app {
namespace {

class FakeHealthService final : public grpc::HealthCheckServiceInterface {
 public:
  void SetServingStatus(const std::string& name, bool serving) override { status[name] = serving; }
  void SetServingStatus(bool serving) override {
    for (auto& [name, value] : status) value = serving;
  }

  std::map<std::string, bool> status;
};

using Status = std::map<std::string, bool>;

TEST(HealthTest, EveryServiceIsNotServingAtFirst) {
  FakeHealthService service;
  const Health health(&service, {"a.B"});
  EXPECT_EQ(service.status, (Status{{"", false}, {"a.B", false}}));
}

TEST(HealthTest, FollowsWhatItIsTold) {
  FakeHealthService service;
  Health health(&service, {"a.B"});
  health.SetServing(true);
  EXPECT_EQ(service.status, (Status{{"", true}, {"a.B", true}}));
  health.SetServing(false);
  EXPECT_EQ(service.status, (Status{{"", false}, {"a.B", false}}));
}

TEST(HealthTest, ShutDownIsForEver) {
  FakeHealthService service;
  Health health(&service, {"a.B"});
  health.SetServing(true);
  health.ShutDown();
  health.SetServing(true);
  EXPECT_EQ(service.status, (Status{{"", false}, {"a.B", false}}));
}

}  // namespace
}  // namespace eventbus::app
