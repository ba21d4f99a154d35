#include "server/rpc/publish_reactor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/server_context.h"
#include "server/base/error.h"
#include "server/rpc/bytes.h"
#include "server/rpc/status.h"
#include "server/wire/envelope.h"
#include "server/wire/publish_batch.h"

namespace eventbus::rpc {

grpc::ServerUnaryReactor* PublishReactor::Start(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer& request,
                                                grpc::ByteBuffer* response,
                                                bus::Publisher& publisher, Executor& timers,
                                                const Clock& clock) {
  std::shared_ptr<PublishReactor> reactor(new PublishReactor(response, timers));
  reactor->self_ = reactor;
  const absl::Time answer_by = AnswerBy(*context, clock);
  reactor->Publish(request, Traceparent(*context), publisher);
  reactor->timer_.Arm(answer_by, [reactor] { reactor->FinishOnce(bus::OutcomeUnknown()); });
  return reactor.get();
}

void PublishReactor::OnDone() { const auto self = std::move(self_); }

void PublishReactor::Publish(const grpc::ByteBuffer& request, absl::string_view traceparent,
                             bus::Publisher& publisher) {
  if (request.Length() > wire::kMaxPublishBytes) {
    return FinishOnce(MakeInvalid(
        v1::ERROR_REASON_REQUEST_INVALID,
        {{"request", absl::StrCat(request.Length(), " bytes, at most ", wire::kMaxPublishBytes)}}));
  }
  const RequestBytes bytes(request);
  publisher.Publish(
      bytes.view(), traceparent,
      [self = self_](absl::StatusOr<bus::Published> result) { self->FinishOnce(result); });
}

void PublishReactor::FinishOnce(const absl::StatusOr<bus::Published>& result) {
  {
    MutexLock lock(mu_);
    if (std::exchange(finished_, true)) return;
  }
  timer_.Disarm();
  if (result.ok()) {
    *response_ = ToByteBuffer(wire::PublishResponseBytes(result->event_id, result->topic,
                                                         result->partition, result->offset));
  }
  Finish(ToGrpcStatus(result.status()));
}

}  // namespace eventbus::rpc
