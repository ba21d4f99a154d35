#pragma once

#include <memory>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/bus/publish_batch.h"
#include "server/bus/publisher.h"
#include "server/rpc/call.h"

namespace eventbus::rpc {

// One call of PublishBatch, answered on the thread that brings the last result: the producer's, or
// the timer's 100 ms before the client's deadline, when what has no result gets
// PUBLISH_OUTCOME_UNKNOWN.
//
// Lifetime: gRPC holds the reactor until OnDone; the batch and the timer hold it besides.
class PublishBatchReactor final : public grpc::ServerUnaryReactor {
 public:
  static grpc::ServerUnaryReactor* Start(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer& request,
                                         grpc::ByteBuffer* response, bus::Publisher& publisher,
                                         Executor& timers, const Clock& clock);

 private:
  PublishBatchReactor(grpc::ByteBuffer* response, Executor& timers)
      : response_(response), timer_(timers) {}

  void OnDone() override;
  void Answer(const bus::PublishBatch& batch);

  std::shared_ptr<PublishBatchReactor> self_;  // Set by Start, released by OnDone.
  grpc::ByteBuffer* const response_;           // gRPC's; written before Finish.
  CallTimer timer_;
};

}  // namespace eventbus::rpc
