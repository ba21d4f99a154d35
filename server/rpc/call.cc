#include "server/rpc/call.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "grpcpp/server_context.h"

namespace eventbus::rpc {
namespace {

constexpr absl::Duration kAnswerEarly = absl::Milliseconds(100);
constexpr std::size_t kMaxTraceparentBytes = 256;

}  // namespace

std::string Traceparent(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("traceparent");
  if (found == metadata.end() || found->second.size() > kMaxTraceparentBytes) return "";
  return {found->second.data(), found->second.size()};
}

absl::Time AnswerBy(const grpc::CallbackServerContext& context, const Clock& clock) {
  const auto end = context.deadline();
  if (end == std::chrono::system_clock::time_point::max()) return absl::InfiniteFuture();
  const absl::Time deadline = absl::FromChrono(end);
  return deadline - std::min(kAnswerEarly, (deadline - clock.Now()) / 2);
}

void CallTimer::Arm(absl::Time when, absl::AnyInvocable<void()> fn) {
  if (when == absl::InfiniteFuture()) return;
  MutexLock lock(mu_);
  if (!disarmed_) timer_ = executor_.PostAt(when, std::move(fn));
}

void CallTimer::Disarm() {
  Executor::TimerId timer = 0;
  {
    MutexLock lock(mu_);
    disarmed_ = true;
    timer = std::exchange(timer_, 0);
  }
  if (timer != 0) executor_.Cancel(timer);
}

void CallCutter::Cut() {
  const std::lock_guard<std::recursive_mutex> lock(mu_);
  if (context_ != nullptr) context_->TryCancel();
}

void CallCutter::Release() {
  const std::lock_guard<std::recursive_mutex> lock(mu_);
  context_ = nullptr;
}

}  // namespace eventbus::rpc
