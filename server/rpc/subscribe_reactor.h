#pragma once

#include <memory>

#include "server/rpc/delivery_sink.h"

namespace eventbus::rpc {

// The server's end of one Subscribe call.
class SubscribeReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                               public DeliverySink {
 public:
  static std::shared_ptr<SubscribeReactor> Make(grpc::CallbackServerContext* context,
                                                Executor& timers, const Clock& clock,
                                                OnDoneFn on_done);

 private:
  using DeliverySink::DeliverySink;

  void OnWriteDone(bool ok) override { WriteDone(ok); }
  void OnCancel() override { Cancelled(); }
  void OnDone() override { Done(); }

  void StartWriting(const grpc::ByteBuffer* message) override { StartWrite(message); }
  void FinishCall(const grpc::Status& status) override { Finish(status); }
};

}  // namespace eventbus::rpc
