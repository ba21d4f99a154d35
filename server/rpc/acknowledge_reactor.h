#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/mutex.h"
#include "server/bus/acknowledge.h"
#include "server/rpc/call.h"

namespace eventbus::rpc {

// One call of Acknowledge, answered on the thread of the last stream that accepts, or 100 ms before
// the client's deadline with DEADLINE_EXCEEDED: it may be sent again. What the streams have been
// asked is settled also where the client has left by then. Served while the server drains.
//
// Lifetime: gRPC holds the reactor until OnDone; the registry's answer and the timer hold it
// besides.
class AcknowledgeReactor final : public grpc::ServerUnaryReactor {
 public:
  static grpc::ServerUnaryReactor* Start(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer& request,
                                         grpc::ByteBuffer* response, bus::AckRegistry& acks,
                                         Executor& timers, const Clock& clock);

 private:
  AcknowledgeReactor(grpc::ByteBuffer* response, Executor& timers)
      : response_(response), timer_(timers) {}

  void OnDone() override;
  void FinishOnce(const absl::StatusOr<std::vector<bus::AckError>>& result);

  std::shared_ptr<AcknowledgeReactor> self_;  // Set by Start, released by OnDone.
  grpc::ByteBuffer* const response_;          // gRPC's; written before Finish and by nobody else.
  CallTimer timer_;
  Mutex mu_;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace eventbus::rpc
