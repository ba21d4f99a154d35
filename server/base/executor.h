#pragma once

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace eventbus {

// Runs functions, now or at a time. Thread-safe.
class Executor {
 public:
  using TimerId = std::uint64_t;

  virtual ~Executor() = default;

  // Runs `fn` on one of the executor's threads, never in the caller's.
  virtual void Post(absl::AnyInvocable<void()> fn) = 0;

  // Runs `fn` at `when` or soon after. Never returns 0.
  virtual TimerId PostAt(absl::Time when, absl::AnyInvocable<void()> fn) = 0;

  // Forgets a timer. True where its function has not been taken to run and never will be.
  virtual bool Cancel(TimerId timer) = 0;

  // Waits for what runs, drops what has not begun and whatever comes later. Not from one of its own
  // threads.
  virtual void Stop() = 0;
};

// Starts `threads` threads named `name` and numbered, and one for timers. The destructor stops it.
// `name` has at most 10 characters.
std::unique_ptr<Executor> MakeThreadPool(absl::string_view name, int threads);

}  // namespace eventbus
