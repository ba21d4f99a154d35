#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/mutex.h"
#include "server/base/serial_task.h"
#include "server/bus/publish_batch.h"
#include "server/bus/publisher.h"
#include "server/bus/stream.h"

namespace eventbus::bus {

// The client's end of a publish stream: one read and one write at a time. Thread-safe; whatever is
// asked for after Close is left undone.
class PublishSink {
 public:
  virtual ~PublishSink() = default;

  // Asks for the next message: OnMessage follows, or OnHalfClose.
  virtual void Read() = 0;
  // Writes a response; OnWritten follows.
  virtual void Write(std::string response) = 0;
  // Ends the stream. Nothing is being written.
  virtual void Close(const absl::Status& status) = 0;
  // Cuts off a client that does not read what it is to be told.
  virtual void Cut() = 0;
};

struct PublishStreamOptions {
  // The call's; empty: none.
  std::string traceparent;
  // When the client must have its answers, a little before its deadline.
  absl::Time answer_by = absl::InfiniteFuture();
  // Whether Kafka answers. Called on one of the executor's threads.
  std::function<bool()> kafka_answers;
  // What is read and not answered. Reading pauses once one of them is reached; the message that
  // reaches it is taken.
  std::size_t max_requests = 10'000;
  std::size_t max_bytes = 16u << 20;
  // For the client to read its last answers while the server drains.
  absl::Duration drain_grace = absl::Seconds(5);
};

// Messages of requests in a pipeline: read, handed to the producer in order, answered in order.
//
//   reading: while there is room, the producer's queue is not full, and nothing below has happened
//   ending:  half-close | broken message | answer_by | drain: reads no more
//   closed:  ending, and every answer is written; or the client is gone
//
// How it ends, the first that is true:
//   the message's error  a message that PublishBatch would refuse; nothing of it is produced
//   PUBLISH_OUTCOME_UNKNOWN  answer_by: what has no report is answered so, and what has not been
//       handed on with KAFKA_UNAVAILABLE or PUBLISH_QUEUE_FULL
//   OK                   half-close
//   SERVER_DRAINING      drain: what has not been handed on is answered so, reports are waited for
//
// An event that the producer's queue has no room for waits, and with it all that come after it; it
// is tried again when a message of the stream is done or after a short time.
//
// Lifetime: shared by the sink, by who drains it and by its own task until it is closed. Messages
// that are with the producer when it closes keep themselves. Thread-safe; nothing blocks.
class PublishStream final : public LiveStream, public std::enable_shared_from_this<PublishStream> {
 public:
  // `publisher`, `executor` and `clock` outlive it.
  static std::shared_ptr<PublishStream> Make(Publisher& publisher, Executor& executor,
                                             const Clock& clock, PublishStreamOptions options,
                                             std::shared_ptr<PublishSink> sink);

  // Begins to read. Once.
  void Start();

  // A message; `owner` keeps its bytes.
  void OnMessage(absl::string_view message, std::shared_ptr<const void> owner);
  // The client sends no more, or is gone.
  void OnHalfClose();
  // The write under way is done.
  void OnWritten();
  // Nothing can be written any more: what has not been handed to the producer is dropped.
  void OnGone();

  void Drain(absl::Duration remaining) override;
  void Wake() override {}

 private:
  PublishStream(Publisher& publisher, Executor& executor, const Clock& clock,
                PublishStreamOptions options, std::shared_ptr<PublishSink> sink);

  // The task: hands on one message, or refuses what must not be any more.
  void Run();
  void RunOnce();
  void ProduceNext(const PublishBatch::Ptr& batch);
  void Expire();
  void RefuseWaiting(const absl::Status& error);
  // Of the messages, those from `first` on.
  std::vector<PublishBatch::Ptr> ShareFrom(std::size_t first) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // All results of a message are in.
  void OnMessageDone();

  // Whatever is possible now: a write, a read, the end.
  void Advance();
  void MaybeWrite();
  void MaybeRead();
  void MaybeClose();
  void MaybeArmCut();
  bool AllDone() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool Ending() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status EndStatus() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Publisher& publisher_;
  Executor& executor_;
  const Clock& clock_;
  const PublishStreamOptions options_;
  const std::shared_ptr<PublishSink> sink_;
  SerialTask task_;
  absl::Duration retry_delay_;  // The task's: until the full queue is tried again.

  Mutex mu_;
  // Read and not answered, in order. One that has not been handed on stays.
  std::deque<PublishBatch::Ptr> messages_ ABSL_GUARDED_BY(mu_);
  // So many of them, from the front, have been handed on.
  std::size_t produced_ ABSL_GUARDED_BY(mu_) = 0;
  std::size_t requests_ ABSL_GUARDED_BY(mu_) = 0;  // In messages_.
  std::size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;     // In messages_.
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool queue_full_ ABSL_GUARDED_BY(mu_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool expired_ ABSL_GUARDED_BY(mu_) = false;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  bool cut_armed_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status broken_ ABSL_GUARDED_BY(mu_);  // What a message was refused with.
};

}  // namespace eventbus::bus
