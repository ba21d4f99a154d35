#include "server/base/serial_task.h"

#include <utility>

namespace eventbus {

// The function runs while `running`; `woken` asks for one more run.
struct SerialTask::State : std::enable_shared_from_this<State> {
  explicit State(Executor& e) : executor(e) {}

  void Wake() {
    {
      MutexLock lock(mu);
      if (stopped) return;
      woken = true;
      if (std::exchange(scheduled, true)) return;
    }
    executor.Post([self = shared_from_this()] { self->Run(); });
  }

  void Run() {
    {
      MutexLock lock(mu);
      if (stopped) return;
      woken = false;
      running = true;
    }
    body();
    Finish();
  }

  void Finish() {
    absl::AnyInvocable<void()> dropped;  // Destroyed after the lock: it may own the task.
    MutexLock lock(mu);
    running = false;
    scheduled = woken && !stopped;
    if (stopped) dropped = std::move(body);
    if (scheduled) executor.Post([self = shared_from_this()] { self->Run(); });
  }

  void Stop() {
    absl::AnyInvocable<void()> dropped;
    MutexLock lock(mu);
    stopped = true;
    if (timer != 0) executor.Cancel(std::exchange(timer, 0));
    if (!running) dropped = std::move(body);
  }

  void WakeAt(absl::Time when) {
    MutexLock lock(mu);
    if (stopped || (timer != 0 && timer_time <= when)) return;
    if (timer != 0) executor.Cancel(timer);
    timer_time = when;
    timer = executor.PostAt(when, [self = shared_from_this()] { self->OnTimer(); });
  }

  void OnTimer() {
    {
      MutexLock lock(mu);
      timer = 0;
    }
    Wake();
  }

  Executor& executor;
  // Touched by the run alone, but for SetBody before and Stop outside of one.
  absl::AnyInvocable<void()> body;
  Mutex mu;
  bool woken ABSL_GUARDED_BY(mu) = false;
  bool scheduled ABSL_GUARDED_BY(mu) = false;
  bool running ABSL_GUARDED_BY(mu) = false;
  bool stopped ABSL_GUARDED_BY(mu) = false;
  Executor::TimerId timer ABSL_GUARDED_BY(mu) = 0;
  absl::Time timer_time ABSL_GUARDED_BY(mu);
};

SerialTask::SerialTask(Executor& executor) : state_(std::make_shared<State>(executor)) {}
SerialTask::~SerialTask() { Stop(); }
void SerialTask::SetBody(absl::AnyInvocable<void()> body) { state_->body = std::move(body); }
void SerialTask::Wake() { state_->Wake(); }
void SerialTask::WakeAt(absl::Time when) { state_->WakeAt(when); }
void SerialTask::Stop() { state_->Stop(); }

}  // namespace eventbus
