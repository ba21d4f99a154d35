#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/mutex.h"
#include "server/bus/stream.h"
#include "server/rpc/call.h"

namespace eventbus::rpc {

// The server's end of one Subscribe call: one write at a time.
//
//   open --Close--> closing (the last messages go out) --> finished
//        --client gone-------------------------------------> finished
//
// Lifetime: gRPC holds the reactor until OnDone; the subscription holds it besides. Thread-safe.
class SubscribeReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                               public bus::StreamSink,
                               public std::enable_shared_from_this<SubscribeReactor> {
 public:
  // A client that has not read the last messages by then is cut off; it may see CANCELLED instead
  // of the status.
  static constexpr absl::Duration kCloseGrace = absl::Seconds(5);

  // `on_done` runs once, on a gRPC thread, after the last reaction, with the status of the call.
  static std::shared_ptr<SubscribeReactor> Make(grpc::CallbackServerContext* context,
                                                Executor& timers, const Clock& clock,
                                                std::function<void(const absl::Status&)> on_done);

  // Once, before the subscription may write.
  void SetSubscription(std::shared_ptr<bus::Subscription> subscription);

  bool Write(bus::Message message) override;
  void Close(const absl::Status& status, std::vector<bus::Message> last) override;

 private:
  SubscribeReactor(grpc::CallbackServerContext* context, Executor& timers, const Clock& clock,
                   std::function<void(const absl::Status&)> on_done);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void WriteLocked(const bus::Message& message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NextOfLast() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FinishOnce(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Gone();

  std::shared_ptr<SubscribeReactor> self_;  // Set by Make, released by OnDone.
  Executor& timers_;
  const Clock& clock_;
  const std::function<void(const absl::Status&)> on_done_;
  CallCutter cutter_;

  Mutex mu_;
  std::shared_ptr<bus::Subscription> subscription_ ABSL_GUARDED_BY(mu_);
  grpc::ByteBuffer current_ ABSL_GUARDED_BY(mu_);  // gRPC reads it until OnWriteDone.
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);  // What the call ends, or ended, with.
  std::deque<bus::Message> last_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::rpc
