#include "server/rpc/stream_registry.h"

#include <gtest/gtest.h>

#include <thread>

#include "server/base/error.h"

namespace eventbus::rpc {
namespace {

class FakeSubscription final : public bus::Subscription {
 public:
  void Start() override {}
  void OnWritten() override {}
  void OnGone() override {}
  void OnHalfClose() override {}
  void Drain(absl::Duration remaining) override { drained = remaining; }
  void Wake() override { ++wakes; }

  absl::Duration drained = absl::ZeroDuration();
  int wakes = 0;
};

TEST(StreamRegistryTest, HoldsAtMostItsNumberOfStreams) {
  StreamRegistry registry(2);
  const auto first = registry.Enter();
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(registry.Enter().ok());
  const auto third = registry.Enter();
  EXPECT_EQ(GetErrorDetails(third.status()).reason, v1::ERROR_REASON_TOO_MANY_STREAMS);
  EXPECT_EQ(third.status().message(), "2 streams, at most 2");
  EXPECT_TRUE(GetErrorDetails(third.status()).retry_delay.has_value());
  registry.Leave(*first);
  EXPECT_TRUE(registry.Enter().ok());
}

TEST(StreamRegistryTest, DrainReachesEveryStreamAndRefusesNewOnes) {
  StreamRegistry registry(2);
  const auto subscription = std::make_shared<FakeSubscription>();
  registry.Attach(*registry.Enter(), subscription);
  registry.Drain(absl::Seconds(7));
  EXPECT_EQ(subscription->drained, absl::Seconds(7));
  EXPECT_EQ(registry.refused(), 0);
  EXPECT_EQ(GetErrorDetails(registry.Enter().status()).reason, v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(registry.refused(), 1);
}

TEST(StreamRegistryTest, AStreamThatAttachesWhileDrainingIsDrained) {
  StreamRegistry registry(2);
  const auto id = registry.Enter();
  registry.Drain(absl::Seconds(7));
  const auto subscription = std::make_shared<FakeSubscription>();
  registry.Attach(*id, subscription);
  EXPECT_EQ(subscription->drained, absl::Seconds(7));
}

TEST(StreamRegistryTest, WakeAllWakesThemAll) {
  StreamRegistry registry(2);
  const auto subscription = std::make_shared<FakeSubscription>();
  registry.Attach(*registry.Enter(), subscription);
  registry.WakeAll();
  EXPECT_EQ(subscription->wakes, 1);
}

TEST(StreamRegistryTest, WaitUntilEmptyEndsWithTheLastStream) {
  StreamRegistry registry(2);
  const auto id = registry.Enter();
  std::thread leaver([&] { registry.Leave(*id); });
  EXPECT_TRUE(registry.WaitUntilEmpty(absl::Seconds(30)));
  leaver.join();
}

TEST(StreamRegistryTest, WaitUntilEmptyGivesUp) {
  StreamRegistry registry(2);
  ASSERT_TRUE(registry.Enter().ok());
  EXPECT_FALSE(registry.WaitUntilEmpty(absl::Milliseconds(1)));
}

}  // namespace
}  // namespace eventbus::rpc
