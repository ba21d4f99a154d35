#pragma once

#include <deque>
#include <map>
#include <utility>

#include "server/base/clock.h"
#include "server/base/executor.h"

namespace eventbus::simulation {

// The clock of a world, which is moved.
class WorldClock final : public Clock {
 public:
  absl::Time Now() const override { return now_; }
  void Advance(absl::Duration by) { now_ += by; }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
};

// A server's threads: what is posted runs one by one, when it is told to.
class WorldExecutor final : public Executor {
 public:
  explicit WorldExecutor(const WorldClock& clock) : clock_(clock) {}
  ~WorldExecutor() override { Stop(); }

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

  // Runs what is next; false: nothing is.
  bool RunOne() {
    if (!timers_.empty() && timers_.begin()->first.first <= clock_.Now()) {
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
  const WorldClock& clock_;
  bool stopped_ = false;
  TimerId last_ = 0;
  std::deque<absl::AnyInvocable<void()>> queue_;
  std::map<std::pair<absl::Time, TimerId>, absl::AnyInvocable<void()>> timers_;
};

}  // namespace eventbus::simulation
