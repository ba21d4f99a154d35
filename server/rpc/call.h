#pragma once

#include <mutex>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/mutex.h"

namespace eventbus::rpc {

// The call's W3C trace context; empty where it has none that can be one.
std::string Traceparent(const grpc::CallbackServerContext& context);

// When a call must be answered: 100 ms before the client's deadline, or in the middle of what is
// left, as details would not arrive later. InfiniteFuture where the client has none.
absl::Time AnswerBy(const grpc::CallbackServerContext& context, const Clock& clock);

// The one timer of a call, which what ends the call disarms. Thread-safe.
class CallTimer {
 public:
  explicit CallTimer(Executor& executor) : executor_(executor) {}

  // Has `fn` run at `when`, on one of the executor's threads; never where that is InfiniteFuture,
  // or after Disarm. Once.
  void Arm(absl::Time when, absl::AnyInvocable<void()> fn);
  // A function that has begun to run goes on.
  void Disarm();

 private:
  Executor& executor_;
  Mutex mu_;
  bool disarmed_ ABSL_GUARDED_BY(mu_) = false;
  Executor::TimerId timer_ ABSL_GUARDED_BY(mu_) = 0;
};

// Cuts a call off from whatever thread, as long as gRPC is not done with it. Thread-safe.
class CallCutter {
 public:
  explicit CallCutter(grpc::CallbackServerContext* context) : context_(context) {}

  // The client may see CANCELLED instead of the call's status.
  void Cut();
  // In the reactor's OnDone: the context goes.
  void Release();

 private:
  // Recursive: TryCancel may run OnDone before it returns. Held by nothing else.
  std::recursive_mutex mu_;
  grpc::CallbackServerContext* context_;
};

}  // namespace eventbus::rpc
