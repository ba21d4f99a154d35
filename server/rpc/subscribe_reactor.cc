#include "server/rpc/subscribe_reactor.h"

#include <utility>

#include "grpcpp/server_context.h"
#include "server/rpc/bytes.h"
#include "server/rpc/status.h"

namespace eventbus::rpc {

std::shared_ptr<SubscribeReactor> SubscribeReactor::Make(
    grpc::CallbackServerContext* context, Executor& timers, const Clock& clock,
    std::function<void(const absl::Status&)> on_done) {
  std::shared_ptr<SubscribeReactor> reactor(
      new SubscribeReactor(context, timers, clock, std::move(on_done)));
  reactor->self_ = reactor;
  reactor->StartSendInitialMetadata();
  return reactor;
}

SubscribeReactor::SubscribeReactor(grpc::CallbackServerContext* context, Executor& timers,
                                   const Clock& clock,
                                   std::function<void(const absl::Status&)> on_done)
    : timers_(timers), clock_(clock), on_done_(std::move(on_done)), cutter_(context) {}

void SubscribeReactor::SetSubscription(std::shared_ptr<bus::Subscription> subscription) {
  MutexLock lock(mu_);
  subscription_ = std::move(subscription);
}

bool SubscribeReactor::Write(bus::Message message) {
  MutexLock lock(mu_);
  if (writing_ || closing_ || finished_) return false;
  WriteLocked(message);
  return true;
}

void SubscribeReactor::Close(const absl::Status& status, std::vector<bus::Message> last) {
  {
    MutexLock lock(mu_);
    if (finished_ || std::exchange(closing_, true)) return;
    status_ = status;
    last_.assign(std::make_move_iterator(last.begin()), std::make_move_iterator(last.end()));
    if (!writing_) NextOfLast();
  }
  timers_.PostAt(clock_.Now() + kCloseGrace, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->cutter_.Cut();
  });
}

void SubscribeReactor::OnWriteDone(bool ok) {
  std::shared_ptr<bus::Subscription> subscription;
  {
    MutexLock lock(mu_);
    writing_ = false;
    current_.Clear();
    if (!ok) {
      FinishOnce(absl::CancelledError("the client is gone"));
    } else if (closing_) {
      NextOfLast();
    } else {
      subscription = subscription_;
    }
  }
  if (subscription != nullptr) subscription->OnWritten();
  if (!ok) Gone();
}

void SubscribeReactor::OnCancel() {
  {
    MutexLock lock(mu_);
    FinishOnce(absl::CancelledError("the call was cancelled"));
  }
  Gone();
}

void SubscribeReactor::OnDone() {
  Gone();
  cutter_.Release();
  absl::Status status;
  {
    MutexLock lock(mu_);
    subscription_ = nullptr;
    status = status_;
  }
  const auto self = std::move(self_);
  on_done_(status);
}

void SubscribeReactor::WriteLocked(const bus::Message& message) {
  current_ = ToByteBuffer(message);
  writing_ = true;
  StartWrite(&current_);
}

void SubscribeReactor::NextOfLast() {
  if (finished_) return;
  if (last_.empty()) return FinishOnce(absl::Status(status_));
  const bus::Message message = std::move(last_.front());
  last_.pop_front();
  WriteLocked(message);
}

void SubscribeReactor::FinishOnce(const absl::Status& status) {
  if (std::exchange(finished_, true)) return;
  status_ = status;
  Finish(ToGrpcStatus(status));
}

void SubscribeReactor::Gone() {
  std::shared_ptr<bus::Subscription> subscription;
  {
    MutexLock lock(mu_);
    subscription = subscription_;
  }
  if (subscription != nullptr) subscription->OnGone();
}

}  // namespace eventbus::rpc
