#include "server/rpc/delivery_sink.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "grpcpp/server_context.h"
#include "server/rpc/bytes.h"
#include "server/rpc/status.h"

namespace eventbus::rpc {
namespace {

// Requests that are not answered, or whose answers are not written, and their bytes: past either no
// more are read.
constexpr std::size_t kMaxAnswers = 64;
constexpr std::size_t kMaxAnswerBytes = std::size_t{4} << 20;

// A client's own clock ends the call a little earlier than ours would: by the way of the request,
// and by the digits that gRPC sends of the time that is left, 1% of it at most.
absl::Time DeadlineOf(const grpc::CallbackServerContext& context, absl::Time now) {
  const auto end = context.deadline();
  if (end == std::chrono::system_clock::time_point::max()) return absl::InfiniteFuture();
  const absl::Time deadline = absl::FromChrono(end);
  return deadline - std::max(absl::Milliseconds(200), (deadline - now) / 50);
}

}  // namespace

DeliverySink::DeliverySink(grpc::CallbackServerContext* context, Executor& timers,
                           const Clock& clock, OnDoneFn on_done)
    : timers_(timers),
      clock_(clock),
      on_done_(std::move(on_done)),
      deadline_(DeadlineOf(*context, clock.Now())),
      cutter_(context) {}

void DeliverySink::SetSubscription(std::shared_ptr<bus::Subscription> subscription) {
  MutexLock lock(mu_);
  subscription_ = std::move(subscription);
}

void DeliverySink::OnSubscriptionStarted() {
  {
    MutexLock lock(mu_);
    started_ = true;
  }
  TellIfGone();
}

bool DeliverySink::Write(bus::Message message) {
  MutexLock lock(mu_);
  if (writing_ == Turn::kDelivery || delivery_.has_value() || closing_ || finished_) return false;
  delivery_ = std::move(message);
  Next();
  return true;
}

void DeliverySink::Close(const absl::Status& status, std::vector<bus::Message> last) {
  {
    MutexLock lock(mu_);
    if (finished_ || std::exchange(closing_, true)) return;
    status_ = status.ok() ? refusal_ : status;
    last_.assign(std::make_move_iterator(last.begin()), std::make_move_iterator(last.end()));
    Next();
  }
  timers_.PostAt(clock_.Now() + kCloseGrace, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->cutter_.Cut();
  });
}

AnswerQueue::Id DeliverySink::Expect(std::size_t request_bytes) {
  MutexLock lock(mu_);
  return answers_.Expect(request_bytes);
}

void DeliverySink::Answer(AnswerQueue::Id id, std::string answer) {
  MutexLock lock(mu_);
  answers_.Answer(id, std::move(answer));
  Next();
}

bool DeliverySink::MayRead() {
  MutexLock lock(mu_);
  return !closing_ && !finished_ && answers_.size() < kMaxAnswers &&
         answers_.bytes() < kMaxAnswerBytes;
}

void DeliverySink::WriteDone(bool ok) {
  Turn done = Turn::kNone;
  std::shared_ptr<bus::Subscription> subscription;
  {
    MutexLock lock(mu_);
    done = std::exchange(writing_, Turn::kNone);
    current_.Clear();
    if (ok) {
      Next();
    } else {
      FinishOnce(absl::CancelledError("the client is gone"));
    }
    if (done == Turn::kDelivery && !closing_) subscription = subscription_;
  }
  if (!ok) return Gone();
  if (subscription != nullptr) subscription->OnWritten();
  if (done == Turn::kAnswer) OnAnswerWritten();
}

void DeliverySink::Cancelled() {
  {
    MutexLock lock(mu_);
    FinishOnce(absl::CancelledError("the call was cancelled"));
  }
  Gone();
}

void DeliverySink::Done() {
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

void DeliverySink::EndOfRequests(const absl::Status& status) {
  std::shared_ptr<bus::Subscription> subscription;
  {
    MutexLock lock(mu_);
    refusal_ = status;
    subscription = subscription_;
  }
  if (subscription == nullptr) return Close(status, {});
  subscription->OnHalfClose();
}

std::shared_ptr<bus::Subscription> DeliverySink::subscription() {
  MutexLock lock(mu_);
  return subscription_;
}

// The last messages follow what the subscription wrote before them.
void DeliverySink::Next() {
  if (finished_ || writing_ != Turn::kNone) return;
  const bool delivers = delivery_.has_value() || !last_.empty();
  if (answers_.ready() && (!delivers || last_turn_ != Turn::kAnswer)) {
    StartLocked(Turn::kAnswer, ToByteBuffer(answers_.Take()));
  } else if (delivery_.has_value()) {
    StartLocked(Turn::kDelivery, ToByteBuffer(Frame(*std::exchange(delivery_, absl::nullopt))));
  } else if (!last_.empty()) {
    const bus::Message message = Frame(std::move(last_.front()));
    last_.pop_front();
    StartLocked(Turn::kDelivery, ToByteBuffer(message));
  } else if (closing_ && answers_.size() == 0) {
    FinishOnce(absl::Status(status_));
  }
}

void DeliverySink::StartLocked(Turn turn, grpc::ByteBuffer message) {
  current_.Swap(&message);
  writing_ = turn;
  last_turn_ = turn;
  StartWriting(&current_);
}

void DeliverySink::FinishOnce(const absl::Status& status) {
  if (std::exchange(finished_, true)) return;
  status_ = status;
  FinishCall(ToGrpcStatus(status));
}

void DeliverySink::Gone() {
  {
    MutexLock lock(mu_);
    gone_ = true;
  }
  TellIfGone();
}

void DeliverySink::TellIfGone() {
  std::shared_ptr<bus::Subscription> subscription;
  {
    MutexLock lock(mu_);
    if (!gone_ || !started_ || std::exchange(told_, true)) return;
    subscription = subscription_;
  }
  if (subscription == nullptr) return;
  if (clock_.Now() >= deadline_) return subscription->OnDeadline();
  subscription->OnGone();
}

}  // namespace eventbus::rpc
