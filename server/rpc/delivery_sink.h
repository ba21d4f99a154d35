#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/mutex.h"
#include "server/bus/stream.h"
#include "server/rpc/answer_queue.h"
#include "server/rpc/call.h"

namespace eventbus::rpc {

// What the reactors of Subscribe and Consume share: a subscription's messages, and answers to
// requests besides, go out one write at a time, in turns where both wait.
//
//   open --Close--> closing (what waits, answers still due, the last messages) --> finished
//        --client gone-----------------------------------------------------------> finished
//
// Lifetime: gRPC holds the reactor until OnDone; the subscription holds it besides. Thread-safe.
class DeliverySink : public bus::StreamSink, public std::enable_shared_from_this<DeliverySink> {
 public:
  // A client that has not read the last messages by then is cut off; it may see CANCELLED instead
  // of the status.
  static constexpr absl::Duration kCloseGrace = absl::Seconds(5);

  // Runs once, on a gRPC thread, after the last reaction, with the status of the call.
  using OnDoneFn = std::function<void(const absl::Status&)>;

  // Once, before the subscription may write; then, once it may be told of the call's end, which may
  // be over by then.
  void SetSubscription(std::shared_ptr<bus::Subscription> subscription);
  void OnSubscriptionStarted();

  bool Write(bus::Message message) override;
  void Close(const absl::Status& status, std::vector<bus::Message> last) override;

 protected:
  DeliverySink(grpc::CallbackServerContext* context, Executor& timers, const Clock& clock,
               OnDoneFn on_done);

  // Once, when a shared_ptr holds it: gRPC's share, which Done gives back.
  void Hold() { self_ = shared_from_this(); }

  // Answers. The call is not finished while one that is expected is due.
  AnswerQueue::Id Expect(std::size_t request_bytes);
  void Answer(AnswerQueue::Id id, std::string answer);
  // Whether another request may be read: no more answers are due or unwritten than may be, or
  // OnAnswerWritten says when to look again; and the stream is open.
  bool MayRead();

  // What the reactor's reactions of the same names do.
  void WriteDone(bool ok);
  void Cancelled();
  void Done();

  // The client will send no more. The status of the call is `status` where the subscription ends
  // with OK. Without a subscription the call ends at once.
  void EndOfRequests(const absl::Status& status);
  std::shared_ptr<bus::Subscription> subscription();

 private:
  enum class Turn { kNone, kDelivery, kAnswer };

  // gRPC's own, of the reactor. Called under the lock, as they may be.
  virtual void StartWriting(const grpc::ByteBuffer* message) = 0;
  virtual void FinishCall(const grpc::Status& status) = 0;
  // What goes out for a message of the subscription.
  virtual bus::Message Frame(bus::Message message) { return message; }
  virtual void OnAnswerWritten() {}

  void Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void StartLocked(Turn turn, grpc::ByteBuffer message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FinishOnce(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Gone();
  void TellIfGone();

  std::shared_ptr<DeliverySink> self_;  // Set by Hold, released by Done.
  Executor& timers_;
  const Clock& clock_;
  const OnDoneFn on_done_;
  const absl::Time deadline_;  // From when on the end of the call is the one agreed on.
  CallCutter cutter_;

  Mutex mu_;
  std::shared_ptr<bus::Subscription> subscription_ ABSL_GUARDED_BY(mu_);
  grpc::ByteBuffer current_ ABSL_GUARDED_BY(mu_);  // gRPC reads it until OnWriteDone.
  Turn writing_ ABSL_GUARDED_BY(mu_) = Turn::kNone;
  Turn last_turn_ ABSL_GUARDED_BY(mu_) = Turn::kNone;
  absl::optional<bus::Message> delivery_ ABSL_GUARDED_BY(mu_);  // Waits for its turn.
  AnswerQueue answers_ ABSL_GUARDED_BY(mu_);
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  bool started_ ABSL_GUARDED_BY(mu_) = false;  // The subscription.
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
  bool told_ ABSL_GUARDED_BY(mu_) = false;     // It knows that.
  absl::Status refusal_ ABSL_GUARDED_BY(mu_);  // Of a request; OK: none was refused.
  absl::Status status_ ABSL_GUARDED_BY(mu_);   // What the call ends, or ended, with.
  std::deque<bus::Message> last_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::rpc
