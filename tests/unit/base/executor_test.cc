#include "server/base/executor.h"

#include <algorithm>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/mutex.h"

namespace eventbus {
namespace {

using ::testing::ElementsAre;

// Far enough that only Cancel or Stop can end a wait for it.
absl::Time Never() { return absl::Now() + absl::Hours(24); }

// What has happened, in order; waits until enough has.
class Log {
 public:
  void Add(int what) {
    MutexLock lock(mu_);
    seen_.push_back(what);
    changed_.NotifyAll();
  }

  std::vector<int> WaitFor(std::size_t count) {
    MutexLock lock(mu_);
    while (seen_.size() < count) changed_.Wait(mu_);
    return seen_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::vector<int> seen_ ABSL_GUARDED_BY(mu_);
};

TEST(ExecutorTest, RunsWhatIsPosted) {
  Log log;
  const auto pool = MakeThreadPool("test", 2);
  for (int i = 0; i < 100; ++i) pool->Post([&log, i] { log.Add(i); });
  std::vector<int> seen = log.WaitFor(100);
  std::sort(seen.begin(), seen.end());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(ExecutorTest, OneThreadKeepsTheOrder) {
  Log log;
  const auto pool = MakeThreadPool("test", 1);
  for (int i = 0; i < 5; ++i) pool->Post([&log, i] { log.Add(i); });
  EXPECT_THAT(log.WaitFor(5), ElementsAre(0, 1, 2, 3, 4));
}

TEST(ExecutorTest, NeverRunsInTheCallersThread) {
  std::latch done(1);
  std::thread::id ran_in;
  const auto pool = MakeThreadPool("test", 1);
  pool->Post([&] {
    ran_in = std::this_thread::get_id();
    done.count_down();
  });
  done.wait();
  EXPECT_NE(ran_in, std::this_thread::get_id());
}

TEST(ExecutorTest, ThreadsRunBesideEachOther) {
  std::latch first(1);
  std::latch second(1);
  std::latch done(1);
  const auto pool = MakeThreadPool("test", 2);
  pool->Post([&] {
    first.count_down();
    second.wait();
    done.count_down();
  });
  pool->Post([&] {
    first.wait();
    second.count_down();
  });
  done.wait();
}

TEST(ExecutorTest, AFunctionMayPost) {
  Log log;
  const auto pool = MakeThreadPool("test", 1);
  pool->Post([&log, pool = pool.get()] { pool->Post([&log] { log.Add(7); }); });
  EXPECT_THAT(log.WaitFor(1), ElementsAre(7));
}

TEST(ExecutorTest, RunsATimerNotBeforeItsTime) {
  std::latch done(1);
  absl::Time ran_at;
  const auto pool = MakeThreadPool("test", 1);
  const absl::Time when = absl::Now() + absl::Milliseconds(20);
  EXPECT_NE(pool->PostAt(when,
                         [&] {
                           ran_at = absl::Now();
                           done.count_down();
                         }),
            0u);
  done.wait();
  EXPECT_GE(ran_at, when);
}

TEST(ExecutorTest, RunsATimerOfThePastAtOnce) {
  Log log;
  const auto pool = MakeThreadPool("test", 1);
  pool->PostAt(absl::InfinitePast(), [&log] { log.Add(1); });
  EXPECT_THAT(log.WaitFor(1), ElementsAre(1));
}

TEST(ExecutorTest, RunsTimersByTheirTimes) {
  Log log;
  const auto pool = MakeThreadPool("test", 1);
  const absl::Time soon = absl::Now() + absl::Milliseconds(20);
  pool->PostAt(soon + absl::Milliseconds(4), [&log] { log.Add(3); });
  pool->PostAt(soon, [&log] { log.Add(1); });
  pool->PostAt(soon + absl::Milliseconds(2), [&log] { log.Add(2); });
  EXPECT_THAT(log.WaitFor(3), ElementsAre(1, 2, 3));
}

TEST(ExecutorTest, AnEarlierTimerOvertakesOneThatIsWaitedFor) {
  Log log;
  const auto pool = MakeThreadPool("test", 1);
  pool->PostAt(Never(), [&log] { log.Add(2); });
  pool->PostAt(absl::Now(), [&log] { log.Add(1); });
  EXPECT_THAT(log.WaitFor(1), ElementsAre(1));
}

TEST(ExecutorTest, ACancelledTimerNeverRuns) {
  Log log;
  const auto pool = MakeThreadPool("test", 1);
  const absl::Time soon = absl::Now() + absl::Milliseconds(20);
  const auto timer = pool->PostAt(soon, [&log] { log.Add(1); });
  pool->PostAt(soon + absl::Milliseconds(1), [&log] { log.Add(2); });
  // Unless this thread was held up past the time, in which case Cancel says so.
  if (!pool->Cancel(timer)) return;
  EXPECT_THAT(log.WaitFor(1), ElementsAre(2));
}

TEST(ExecutorTest, CancelSaysWhetherThereWasSomethingToCancel) {
  Log log;
  const auto pool = MakeThreadPool("test", 1);
  const auto waiting = pool->PostAt(Never(), [] {});
  EXPECT_TRUE(pool->Cancel(waiting));
  EXPECT_FALSE(pool->Cancel(waiting));
  EXPECT_FALSE(pool->Cancel(0));
  const auto run = pool->PostAt(absl::InfinitePast(), [&log] { log.Add(1); });
  log.WaitFor(1);
  EXPECT_FALSE(pool->Cancel(run));
}

TEST(ExecutorTest, TimersHaveDifferentIds) {
  const auto pool = MakeThreadPool("test", 1);
  const absl::Time when = Never();
  EXPECT_NE(pool->PostAt(when, [] {}), pool->PostAt(when, [] {}));
}

TEST(ExecutorTest, WhatACancelledTimerOwnsIsLetGo) {
  const auto pool = MakeThreadPool("test", 1);
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = owned;
  const auto timer = pool->PostAt(Never(), [owned = std::move(owned)] {});
  EXPECT_FALSE(watch.expired());
  EXPECT_TRUE(pool->Cancel(timer));
  EXPECT_TRUE(watch.expired());
}

TEST(ExecutorTest, StopWaitsForWhatRunsAndDropsTheRest) {
  std::latch running(1);
  std::latch go_on(1);
  bool finished = false;
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = owned;
  const auto pool = MakeThreadPool("test", 1);
  pool->Post([&] {
    running.count_down();
    go_on.wait();
    finished = true;
  });
  running.wait();
  bool dropped_ran = false;
  pool->Post([&dropped_ran, owned] { dropped_ran = true; });
  pool->PostAt(Never(), [owned = std::move(owned)] {});
  std::thread stopper([&pool] { pool->Stop(); });
  go_on.count_down();
  stopper.join();
  EXPECT_TRUE(finished);
  // The function behind it had not begun, or had the luck to begin before Stop.
  EXPECT_TRUE(watch.expired());
  (void)dropped_ran;
}

TEST(ExecutorTest, NothingRunsAfterStop) {
  const auto pool = MakeThreadPool("test", 2);
  pool->Stop();
  bool ran = false;
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = owned;
  pool->Post([&ran, owned] { ran = true; });
  pool->PostAt(absl::InfinitePast(), [&ran, owned = std::move(owned)] { ran = true; });
  pool->Stop();
  EXPECT_FALSE(ran);
  EXPECT_TRUE(watch.expired());
}

TEST(ExecutorTest, WhatIsDroppedMayComeBackToTheExecutor) {
  // Its destructor posts, as that of a stream does that reports its end.
  struct Reporter {
    explicit Reporter(Executor& executor) : pool(&executor) {}
    ~Reporter() {
      pool->Post([] {});
    }
    Executor* pool;
  };
  const auto pool = MakeThreadPool("test", 1);
  auto reporter = std::make_shared<Reporter>(*pool);
  pool->PostAt(Never(), [reporter = std::move(reporter)] {});
  pool->Stop();
}

}  // namespace
}  // namespace eventbus
