#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/mutex.h"
#include "server/bus/acknowledge.h"
#include "server/rpc/delivery_sink.h"

namespace eventbus::rpc {

// The server's end of one Consume call: what is settled comes in where deliveries go out.
//
//   waiting --subscribe--> beginning --begun--> serving --half-close, a message refused--> ended
//      └──────half-close, a message refused, drain────────────────────────────────────────┘
//
// Each acknowledgement is answered in the order of the requests. A client that does not read its
// answers is not read on past a bound of them. A message that is refused ends the stream as a
// half-close does, but with the reason for it. A connection that breaks is no half-close: gRPC says
// which it was.
//
// Lifetime: as DeliverySink; the registry's answers hold it besides. Thread-safe.
class ConsumeReactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                             public DeliverySink,
                             public bus::LiveStream {
 public:
  // Begins what `subscribe` asks for, with the reactor as its sink; once.
  using BeginFn = std::function<absl::StatusOr<std::shared_ptr<bus::Subscription>>(
      const v1::SubscribeRequest& subscribe, const std::shared_ptr<DeliverySink>& sink)>;

  static std::shared_ptr<ConsumeReactor> Make(grpc::CallbackServerContext* context,
                                              bus::AckRegistry& acks, Executor& timers,
                                              const Clock& clock, OnDoneFn on_done);

  // Reads the first message. Not for a call that is closed already.
  void Start(BeginFn begin);

  void Drain(absl::Duration remaining) override;
  void Wake() override;

 private:
  enum class State { kWaiting, kBeginning, kServing };

  ConsumeReactor(grpc::CallbackServerContext* context, bus::AckRegistry& acks, Executor& timers,
                 const Clock& clock, OnDoneFn on_done);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override { WriteDone(ok); }
  void OnCancel() override { Cancelled(); }
  void OnDone() override { Done(); }

  void StartWriting(const grpc::ByteBuffer* message) override { StartWrite(message); }
  void FinishCall(const grpc::Status& status) override { Finish(status); }
  bus::Message Frame(bus::Message delivery) override;
  void OnAnswerWritten() override { ReadOn(); }

  void ReadOn();
  absl::Status Take();
  absl::Status Subscribe(const v1::SubscribeRequest& request);
  absl::Status Acknowledge(v1::AcknowledgeRequest& request, std::size_t bytes);

  grpc::CallbackServerContext* const context_;  // Until OnDone.
  bus::AckRegistry& acks_;
  BeginFn begin_;
  grpc::ByteBuffer request_;  // gRPC's from StartRead to OnReadDone.

  Mutex mu_;
  State state_ ABSL_GUARDED_BY(mu_) = State::kWaiting;
  absl::optional<absl::Duration> drain_ ABSL_GUARDED_BY(mu_);
  // A message is awaited or being taken, or no more are: reads are started one at a time.
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace eventbus::rpc
