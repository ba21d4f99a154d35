#pragma once

#include <atomic>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "server/base/executor.h"
#include "server/base/mutex.h"

namespace eventbus {

// One function that runs on an executor whenever it is woken, never twice at once: what it alone
// touches needs no lock. Thread-safe. The executor must outlive it.
class SerialTask {
 public:
  explicit SerialTask(Executor& executor);
  ~SerialTask();  // As Stop.
  SerialTask(const SerialTask&) = delete;
  SerialTask& operator=(const SerialTask&) = delete;

  // Gives the task its function, once, before the first Wake. The function may own whoever owns the
  // task: Stop breaks that circle.
  void SetBody(absl::AnyInvocable<void()> body);

  // The function runs once more after this call. Calls before it begins lead to one run.
  void Wake();

  // As Wake, at `when`. An earlier time asked for before is kept, a later one is dropped.
  void WakeAt(absl::Time when);

  // Begins no further run and lets go of the function, at the end of the run under way if there is
  // one. Does not wait; may be called from the function.
  void Stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace eventbus
