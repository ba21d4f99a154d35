#pragma once

#include <deque>
#include <map>
#include <utility>

#include "server/base/clock.h"
#include "server/base/executor.h"

namespace eventbus::fakes {

// A clock that stands still until it is moved.
class ManualClock final : public Clock {
 public:
  absl::Time Now() const override { return now_; }
  void Sleep(absl::Duration duration) const override { now_ += duration; }
  void Advance(absl::Duration by) { now_ += by; }

 private:
  mutable absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
};

// Runs what is posted when it is told to, in the caller's thread. Not thread-safe.
class ManualExecutor final : public Executor {
 public:
  explicit ManualExecutor(const ManualClock& clock) : clock_(clock) {}
  ~ManualExecutor() override { Stop(); }

  void Post(absl::AnyInvocable<void()> fn) override {
    if (!stopped_) queue_.push_back(std::move(fn));
  }

  TimerId PostAt(absl::Time when, absl::AnyInvocable<void()> fn) override {
    if (!stopped_) timers_.emplace(std::make_pair(when, ++last_), std::move(fn));
    return last_;
  }

  bool Cancel(TimerId timer) override {
    for (auto at = timers_.begin(); at != timers_.end(); ++at) {
      if (at->first.second != timer) continue;
      const auto dropped = std::move(at->second);
      timers_.erase(at);
      return true;
    }
    return false;
  }

  void Stop() override {
    stopped_ = true;
    const auto queue = std::exchange(queue_, {});
    const auto timers = std::exchange(timers_, {});
  }

  // What posts itself again and again does not rest.
  static constexpr int kRestless = 1'000'000;

  // Runs what is due, and what that posts, but not more than kRestless; returns how much it ran.
  int Run() {
    int ran = 0;
    while (ran < kRestless && RunOne()) ++ran;
    return ran;
  }

  // Runs what is next; false: nothing is due.
  bool RunOne() {
    if (next_timer() <= clock_.Now()) {
      queue_.push_back(std::move(timers_.begin()->second));
      timers_.erase(timers_.begin());
    }
    if (queue_.empty()) return false;
    auto fn = std::move(queue_.front());
    queue_.pop_front();
    fn();
    return true;
  }
  absl::Time next_timer() const {
    return timers_.empty() ? absl::InfiniteFuture() : timers_.begin()->first.first;
  }

 private:
  const ManualClock& clock_;
  bool stopped_ = false;
  TimerId last_ = 0;
  std::deque<absl::AnyInvocable<void()>> queue_;
  std::map<std::pair<absl::Time, TimerId>, absl::AnyInvocable<void()>> timers_;
};

}  // namespace eventbus::fakes
