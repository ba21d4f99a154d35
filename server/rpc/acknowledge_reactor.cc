#include "server/rpc/acknowledge_reactor.h"

#include <utility>

#include "grpcpp/server_context.h"
#include "server/rpc/acknowledgement.h"
#include "server/rpc/bytes.h"
#include "server/rpc/status.h"

namespace eventbus::rpc {
namespace {

absl::Status Unanswered() {
  return absl::DeadlineExceededError(
      "not every stream has answered in time: send the acknowledgement again");
}

}  // namespace

grpc::ServerUnaryReactor* AcknowledgeReactor::Start(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer& request,
                                                    grpc::ByteBuffer* response,
                                                    bus::AckRegistry& acks, Executor& timers,
                                                    const Clock& clock) {
  std::shared_ptr<AcknowledgeReactor> reactor(new AcknowledgeReactor(response, timers));
  reactor->self_ = reactor;
  const absl::Time answer_by = AnswerBy(*context, clock);
  auto asked = ParseAcknowledge(RequestBytes(request).view());
  if (!asked.ok()) {
    reactor->FinishOnce(asked.status());
    return reactor.get();
  }
  acks.Settle(*std::move(asked), [reactor](std::vector<bus::AckError> errors) {
    reactor->FinishOnce(std::move(errors));
  });
  reactor->timer_.Arm(answer_by, [reactor] { reactor->FinishOnce(Unanswered()); });
  return reactor.get();
}

void AcknowledgeReactor::OnDone() { const auto self = std::move(self_); }

void AcknowledgeReactor::FinishOnce(const absl::StatusOr<std::vector<bus::AckError>>& result) {
  {
    MutexLock lock(mu_);
    if (std::exchange(finished_, true)) return;
  }
  timer_.Disarm();
  if (result.ok()) *response_ = ToByteBuffer(AcknowledgeResponseBytes(*result));
  Finish(ToGrpcStatus(result.status()));
}

}  // namespace eventbus::rpc
