#pragma once

#include <memory>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/mutex.h"
#include "server/bus/publisher.h"
#include "server/rpc/call.h"

namespace eventbus::rpc {

// One call of Publish, answered from the producer's thread, or 100 ms before the client's deadline
// with PUBLISH_OUTCOME_UNKNOWN: later, the details would not arrive.
//
// Lifetime: gRPC holds the reactor until OnDone; the delivery report and the timer hold it besides.
class PublishReactor final : public grpc::ServerUnaryReactor {
 public:
  static grpc::ServerUnaryReactor* Start(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer& request,
                                         grpc::ByteBuffer* response, bus::Publisher& publisher,
                                         Executor& timers, const Clock& clock);

 private:
  PublishReactor(grpc::ByteBuffer* response, Executor& timers)
      : response_(response), timer_(timers) {}

  void OnDone() override;
  void Publish(const grpc::ByteBuffer& request, absl::string_view traceparent,
               bus::Publisher& publisher);
  void FinishOnce(const absl::StatusOr<bus::Published>& result);

  std::shared_ptr<PublishReactor> self_;  // Set by Start, released by OnDone.
  grpc::ByteBuffer* const response_;      // gRPC's; written before Finish and by nobody else.
  CallTimer timer_;
  Mutex mu_;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace eventbus::rpc
