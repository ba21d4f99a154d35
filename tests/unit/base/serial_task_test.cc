#include "server/base/serial_task.h"

#include <atomic>
#include <latch>
#include <memory>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "server/base/executor.h"

namespace eventbus {
namespace {

TEST(SerialTaskTest, RunsWhenItIsWoken) {
  const auto pool = MakeThreadPool("test", 2);
  std::latch ran(1);
  SerialTask task(*pool);
  task.SetBody([&ran] { ran.count_down(); });
  task.Wake();
  ran.wait();
}

TEST(SerialTaskTest, NeverRunsTwiceAtOnce) {
  const auto pool = MakeThreadPool("test", 4);
  std::atomic<int> inside = 0;
  std::atomic<bool> twice = false;
  std::atomic<int> woken = 0;
  int runs = 0;  // The task's alone: it needs no lock.
  std::latch done(1);
  SerialTask task(*pool);
  task.SetBody([&] {
    if (++inside != 1) twice = true;
    ++runs;
    // All who wake it have done so, and this run began after or around the last.
    if (woken.load() == 4 && !done.try_wait()) done.count_down();
    --inside;
  });
  for (int i = 0; i < 4; ++i) {
    pool->Post([&task, &woken] {
      for (int k = 0; k < 500; ++k) task.Wake();
      ++woken;
      task.Wake();
    });
  }
  done.wait();
  pool->Stop();
  EXPECT_FALSE(twice);
  EXPECT_GE(runs, 1);
  EXPECT_LE(runs, 4 * 501);
}

TEST(SerialTaskTest, AWakeDuringARunLeadsToAnother) {
  const auto pool = MakeThreadPool("test", 1);
  std::latch twice(1);
  int runs = 0;
  SerialTask task(*pool);
  task.SetBody([&] {
    if (++runs == 1) task.Wake();
    if (runs == 2) twice.count_down();
  });
  task.Wake();
  twice.wait();
}

TEST(SerialTaskTest, RunsAtATimeAndKeepsTheEarlier) {
  const auto pool = MakeThreadPool("test", 1);
  std::latch ran(1);
  SerialTask task(*pool);
  task.SetBody([&ran] {
    if (!ran.try_wait()) ran.count_down();
  });
  task.WakeAt(absl::Now() + absl::Milliseconds(5));
  task.WakeAt(absl::Now() + absl::Hours(24));
  ran.wait();
}

TEST(SerialTaskTest, StopLetsGoOfTheFunction) {
  const auto pool = MakeThreadPool("test", 1);
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = owned;
  SerialTask task(*pool);
  task.SetBody([owned = std::move(owned)] {});
  task.WakeAt(absl::Now() + absl::Hours(24));
  task.Stop();
  pool->Stop();
  EXPECT_TRUE(watch.expired());
}

TEST(SerialTaskTest, MayBeStoppedFromItsFunction) {
  const auto pool = MakeThreadPool("test", 1);
  std::latch after(1);
  int runs = 0;
  SerialTask task(*pool);
  task.SetBody([&] {
    ++runs;
    task.Wake();
    task.Stop();
    pool->Post([&after] { after.count_down(); });
  });
  task.Wake();
  after.wait();
  pool->Stop();
  EXPECT_EQ(runs, 1);
}

TEST(SerialTaskTest, AWakeAfterStopIsNothing) {
  const auto pool = MakeThreadPool("test", 1);
  bool ran = false;
  SerialTask task(*pool);
  task.SetBody([&ran] { ran = true; });
  task.Stop();
  task.Wake();
  task.WakeAt(absl::InfinitePast());
  pool->Stop();
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace eventbus
