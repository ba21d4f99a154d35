#include "server/bus/publish_stream.h"

#include <algorithm>
#include <utility>

#include "server/base/error.h"

namespace eventbus::bus {
namespace {

// Doubles while the queue stays full.
constexpr absl::Duration kFirstRetry = absl::Milliseconds(5);
constexpr absl::Duration kLongestRetry = absl::Milliseconds(80);

absl::Status Draining() {
  return MakeRetryError(v1::ERROR_REASON_SERVER_DRAINING,
                        "the server is shutting down; nothing was written");
}

// For what was read and could not be handed on in time.
absl::Status NotHandedOn(bool kafka_answers) {
  if (kafka_answers) {
    return MakeRetryError(v1::ERROR_REASON_PUBLISH_QUEUE_FULL,
                          "the producer had no room before the deadline; nothing was written");
  }
  return MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE,
                        "Kafka does not answer; nothing was written");
}

}  // namespace

std::shared_ptr<PublishStream> PublishStream::Make(Publisher& publisher, Executor& executor,
                                                   const Clock& clock, PublishStreamOptions options,
                                                   std::shared_ptr<PublishSink> sink) {
  std::shared_ptr<PublishStream> stream(
      new PublishStream(publisher, executor, clock, std::move(options), std::move(sink)));
  stream->task_.SetBody([stream] { stream->Run(); });
  return stream;
}

PublishStream::PublishStream(Publisher& publisher, Executor& executor, const Clock& clock,
                             PublishStreamOptions options, std::shared_ptr<PublishSink> sink)
    : publisher_(publisher),
      executor_(executor),
      clock_(clock),
      options_(std::move(options)),
      sink_(std::move(sink)),
      task_(executor),
      retry_delay_(kFirstRetry) {}

void PublishStream::Start() {
  if (options_.answer_by != absl::InfiniteFuture()) task_.WakeAt(options_.answer_by);
  MaybeRead();
}

void PublishStream::OnMessage(absl::string_view message, std::shared_ptr<const void> owner) {
  auto batch =
      PublishBatch::Make(message, std::move(owner), [weak = weak_from_this()](const PublishBatch&) {
        if (const auto self = weak.lock()) self->OnMessageDone();
      });
  {
    MutexLock lock(mu_);
    reading_ = false;
    if (closed_) return;
    if (!batch.ok()) {
      broken_ = batch.status();
    } else {
      requests_ += (*batch)->size();
      bytes_ += (*batch)->bytes();
      messages_.push_back(*std::move(batch));
    }
  }
  task_.Wake();
  Advance();
}

void PublishStream::OnMessageDone() {
  bool retry = false;
  {
    MutexLock lock(mu_);
    retry = queue_full_;
  }
  if (retry) task_.Wake();
  Advance();
}

void PublishStream::OnHalfClose() {
  {
    MutexLock lock(mu_);
    reading_ = false;
    half_closed_ = true;
  }
  Advance();
}

void PublishStream::OnWritten() {
  PublishBatch::Ptr answered;  // Destroyed after the lock.
  {
    MutexLock lock(mu_);
    writing_ = false;
    if (closed_) return;
    answered = std::move(messages_.front());
    messages_.pop_front();
    --produced_;
    requests_ -= answered->size();
    bytes_ -= answered->bytes();
  }
  Advance();
}

void PublishStream::OnGone() {
  std::deque<PublishBatch::Ptr> dropped;  // Destroyed after the lock.
  {
    MutexLock lock(mu_);
    closed_ = true;
    dropped.swap(messages_);
  }
  for (const PublishBatch::Ptr& batch : dropped) batch->Abandon();
  task_.Stop();
}

void PublishStream::Drain(absl::Duration /*remaining*/) {
  {
    MutexLock lock(mu_);
    draining_ = true;
  }
  task_.Wake();
  Advance();
}

void PublishStream::Run() {
  RunOnce();
  Advance();
}

void PublishStream::RunOnce() {
  if (clock_.Now() >= options_.answer_by) return Expire();
  PublishBatch::Ptr next;
  bool draining = false;
  {
    MutexLock lock(mu_);
    if (closed_) return;
    if (produced_ < messages_.size()) next = messages_[produced_]->Share();
    draining = draining_;
  }
  if (draining) {
    RefuseWaiting(Draining());
  } else if (next != nullptr) {
    ProduceNext(next);
  }
  // The task keeps the earliest time alone.
  if (options_.answer_by != absl::InfiniteFuture()) task_.WakeAt(options_.answer_by);
}

void PublishStream::ProduceNext(const PublishBatch::Ptr& batch) {
  const bool all = batch->Produce(publisher_, options_.traceparent, PublishBatch::WhenFull::kPause);
  {
    MutexLock lock(mu_);
    queue_full_ = !all;
    if (all && !closed_) ++produced_;
  }
  if (all) {
    retry_delay_ = kFirstRetry;
    task_.Wake();  // One message a run: others wait for the thread.
  } else {
    task_.WakeAt(clock_.Now() + retry_delay_);
    retry_delay_ = std::min(2 * retry_delay_, kLongestRetry);
  }
}

void PublishStream::Expire() {
  std::vector<PublishBatch::Ptr> messages;
  {
    MutexLock lock(mu_);
    if (half_closed_ && AllDone()) return;  // What is left is to be written.
    expired_ = true;
    messages = ShareFrom(0);
  }
  const absl::Status unknown = OutcomeUnknown();
  for (const PublishBatch::Ptr& message : messages) message->GiveUp(unknown);
  RefuseWaiting(NotHandedOn(options_.kafka_answers()));
}

void PublishStream::RefuseWaiting(const absl::Status& error) {
  std::vector<PublishBatch::Ptr> waiting;
  {
    MutexLock lock(mu_);
    waiting = ShareFrom(produced_);
  }
  for (const PublishBatch::Ptr& message : waiting) message->Refuse(error);
  MutexLock lock(mu_);
  queue_full_ = false;
  if (!closed_) produced_ += waiting.size();
}

std::vector<PublishBatch::Ptr> PublishStream::ShareFrom(std::size_t first) {
  std::vector<PublishBatch::Ptr> shared;
  for (std::size_t i = first; i < messages_.size(); ++i) shared.push_back(messages_[i]->Share());
  return shared;
}

void PublishStream::Advance() {
  MaybeWrite();
  MaybeRead();
  MaybeClose();
  MaybeArmCut();
}

void PublishStream::MaybeWrite() {
  PublishBatch::Ptr message;
  {
    MutexLock lock(mu_);
    // Its last result may be in while the task is still about to count it as handed on.
    if (closed_ || writing_ || produced_ == 0 || !messages_.front()->done()) return;
    writing_ = true;
    message = messages_.front()->Share();
  }
  sink_->Write(message->Response());
}

void PublishStream::MaybeRead() {
  {
    MutexLock lock(mu_);
    const bool room = requests_ < options_.max_requests && bytes_ < options_.max_bytes;
    if (closed_ || reading_ || queue_full_ || !room || Ending()) return;
    reading_ = true;
  }
  sink_->Read();
}

void PublishStream::MaybeClose() {
  absl::Status status;
  {
    MutexLock lock(mu_);
    if (closed_ || writing_ || !messages_.empty() || !Ending()) return;
    closed_ = true;
    status = EndStatus();
  }
  sink_->Close(status);
  task_.Stop();
}

void PublishStream::MaybeArmCut() {
  {
    MutexLock lock(mu_);
    if (!draining_ || cut_armed_ || !AllDone()) return;
    cut_armed_ = true;
  }
  executor_.PostAt(clock_.Now() + options_.drain_grace, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->sink_->Cut();
  });
}

bool PublishStream::AllDone() const {
  return produced_ == messages_.size() &&
         std::all_of(messages_.begin(), messages_.end(),
                     [](const PublishBatch::Ptr& message) { return message->done(); });
}

bool PublishStream::Ending() const {
  return !broken_.ok() || expired_ || half_closed_ || draining_;
}

absl::Status PublishStream::EndStatus() const {
  if (!broken_.ok()) return broken_;
  if (expired_) return OutcomeUnknown();
  return half_closed_ ? absl::OkStatus() : Draining();
}

}  // namespace eventbus::bus
