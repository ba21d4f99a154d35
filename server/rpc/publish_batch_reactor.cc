#include "server/rpc/publish_batch_reactor.h"

#include <utility>

#include "grpcpp/server_context.h"
#include "server/rpc/bytes.h"
#include "server/rpc/status.h"

namespace eventbus::rpc {

grpc::ServerUnaryReactor* PublishBatchReactor::Start(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer& request,
                                                     grpc::ByteBuffer* response,
                                                     bus::Publisher& publisher, Executor& timers,
                                                     const Clock& clock) {
  std::shared_ptr<PublishBatchReactor> reactor(new PublishBatchReactor(response, timers));
  reactor->self_ = reactor;
  const absl::Time answer_by = AnswerBy(*context, clock);
  const auto bytes = std::make_shared<RequestBytes>(request);
  auto made = bus::PublishBatch::Make(
      bytes->view(), bytes, [reactor](const bus::PublishBatch& batch) { reactor->Answer(batch); });
  if (!made.ok()) {
    reactor->Finish(ToGrpcStatus(made.status()));
    return reactor.get();
  }
  bus::PublishBatch::Ptr batch = *std::move(made);
  batch->Produce(publisher, Traceparent(*context), bus::PublishBatch::WhenFull::kRefuse);
  reactor->timer_.Arm(answer_by,
                      [batch = std::move(batch)] { batch->GiveUp(bus::OutcomeUnknown()); });
  return reactor.get();
}

void PublishBatchReactor::OnDone() { const auto self = std::move(self_); }

void PublishBatchReactor::Answer(const bus::PublishBatch& batch) {
  timer_.Disarm();
  *response_ = ToByteBuffer(batch.Response());
  Finish(grpc::Status::OK);
}

}  // namespace eventbus::rpc
