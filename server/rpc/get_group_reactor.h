#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/mutex.h"
#include "server/bus/context.h"
#include "server/bus/stream.h"
#include "server/rpc/call.h"
#include "server/rpc/requests.h"
#include "server/rpc/stream_registry.h"

namespace eventbus::rpc {

// One call of GetGroup: asks Kafka on a thread that may block, kTimeout at most, and answers 100 ms
// before the client's deadline with DEADLINE_EXCEEDED where there is none yet. A drain refuses it
// at once.
//
// Lifetime: gRPC holds the reactor until OnDone; its question and the timer hold it besides.
class GetGroupReactor final : public grpc::ServerUnaryReactor, public bus::LiveStream {
 public:
  static constexpr absl::Duration kTimeout = absl::Seconds(10);

  // What every call shares; all of it outlives them. `context.inspector` must not be null.
  struct Shared {
    const bus::Context context;
    Executor& blocking;
    const SubscribeDefaults defaults;
    StreamRegistry calls;
  };

  static grpc::ServerUnaryReactor* Start(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer& request,
                                         grpc::ByteBuffer* response, Shared& shared);

  void Drain(absl::Duration remaining) override;
  void Wake() override {}

 private:
  GetGroupReactor(grpc::ByteBuffer* response, Shared& shared)
      : shared_(shared), response_(response), timer_(shared.context.executor) {}

  void OnDone() override;
  void Ask(const std::string& group, absl::Time deadline);
  void FinishOnce(const absl::StatusOr<std::string>& answer);
  bool finished();

  std::shared_ptr<GetGroupReactor> self_;  // Set by Start, released by OnDone.
  Shared& shared_;
  grpc::ByteBuffer* const response_;  // gRPC's; written before Finish and by nobody else.
  CallTimer timer_;
  StreamRegistry::Id place_ = 0;
  Mutex mu_;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace eventbus::rpc
