#include "server/base/executor.h"

#include <pthread.h>

#include <deque>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/mutex.h"

namespace eventbus {
namespace {

class ThreadPool final : public Executor {
 public:
  ThreadPool(absl::string_view name, int threads) {
    for (int i = 0; i < threads; ++i) {
      Start(absl::StrCat(name, "-", i), [this] { Work(); });
    }
    Start(absl::StrCat(name, "-time"), [this] { KeepTime(); });
  }

  ~ThreadPool() override { Stop(); }

  void Stop() override {
    {
      MutexLock lock(mu_);
      stopping_ = true;
    }
    ready_.NotifyAll();
    timer_changed_.NotifyAll();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    DropAll();
  }

  void Post(absl::AnyInvocable<void()> fn) override {
    {
      MutexLock lock(mu_);
      if (stopping_) return;
      queue_.push_back(std::move(fn));
    }
    ready_.NotifyOne();
  }

  TimerId PostAt(absl::Time when, absl::AnyInvocable<void()> fn) override {
    MutexLock lock(mu_);
    const TimerId id = ++last_timer_;
    if (stopping_) return id;
    const bool first = timers_.empty() || when < timers_.begin()->first.first;
    timers_.emplace(std::make_pair(when, id), std::move(fn));
    times_.emplace(id, when);
    if (first) timer_changed_.NotifyOne();
    return id;
  }

  bool Cancel(TimerId timer) override {
    absl::AnyInvocable<void()> dropped;  // Destroyed after the lock: it may own anything.
    MutexLock lock(mu_);
    const auto time = times_.find(timer);
    if (time == times_.end()) return false;
    const auto found = timers_.find({time->second, timer});
    dropped = std::move(found->second);
    timers_.erase(found);
    times_.erase(time);
    return true;
  }

 private:
  template <typename Body>
  void Start(const std::string& name, Body body) {
    threads_.emplace_back(std::move(body));
    pthread_setname_np(threads_.back().native_handle(), name.substr(0, 15).c_str());
  }

  void Work() {
    while (absl::AnyInvocable<void()> fn = Next()) fn();
  }

  // After the lock: what is dropped may own anything, and may come back here.
  void DropAll() {
    std::deque<absl::AnyInvocable<void()>> queue;
    std::map<std::pair<absl::Time, TimerId>, absl::AnyInvocable<void()>> timers;
    MutexLock lock(mu_);
    queue.swap(queue_);
    timers.swap(timers_);
    times_.clear();
  }

  // Null when stopping.
  absl::AnyInvocable<void()> Next() {
    MutexLock lock(mu_);
    while (queue_.empty() && !stopping_) ready_.Wait(mu_);
    if (stopping_) return nullptr;
    absl::AnyInvocable<void()> fn = std::move(queue_.front());
    queue_.pop_front();
    return fn;
  }

  void KeepTime() {
    MutexLock lock(mu_);
    while (!stopping_) {
      if (timers_.empty()) {
        timer_changed_.Wait(mu_);
        continue;
      }
      const auto first = timers_.begin();
      const absl::Duration left = first->first.first - absl::Now();
      if (left > absl::ZeroDuration()) {
        timer_changed_.WaitFor(mu_, std::min(left, absl::Hours(1)));
        continue;
      }
      queue_.push_back(std::move(first->second));
      times_.erase(first->first.second);
      timers_.erase(first);
      ready_.NotifyOne();
    }
  }

  Mutex mu_;
  CondVar ready_;
  CondVar timer_changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<absl::AnyInvocable<void()>> queue_ ABSL_GUARDED_BY(mu_);
  std::map<std::pair<absl::Time, TimerId>, absl::AnyInvocable<void()>> timers_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<TimerId, absl::Time> times_ ABSL_GUARDED_BY(mu_);
  TimerId last_timer_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Executor> MakeThreadPool(absl::string_view name, int threads) {
  return std::make_unique<ThreadPool>(name, threads);
}

}  // namespace eventbus
