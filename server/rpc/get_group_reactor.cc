#include "server/rpc/get_group_reactor.h"

#include <algorithm>
#include <utility>

#include "grpcpp/server_context.h"
#include "server/base/error.h"
#include "server/bus/group_report.h"
#include "server/rpc/bytes.h"
#include "server/rpc/get_group.h"
#include "server/rpc/status.h"

namespace eventbus::rpc {
namespace {

absl::Status Unavailable() {
  return MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "Kafka does not answer");
}

}  // namespace

grpc::ServerUnaryReactor* GetGroupReactor::Start(grpc::CallbackServerContext* context,
                                                 const grpc::ByteBuffer& request,
                                                 grpc::ByteBuffer* response, Shared& shared) {
  std::shared_ptr<GetGroupReactor> reactor(new GetGroupReactor(response, shared));
  reactor->self_ = reactor;
  const absl::Time answer_by = AnswerBy(*context, shared.context.clock);
  const auto group = ParseGetGroup(RequestBytes(request).view(), shared.defaults);
  if (!group.ok()) {
    reactor->FinishOnce(group.status());
    return reactor.get();
  }
  if (!shared.context.monitor.available()) {
    reactor->FinishOnce(Unavailable());
    return reactor.get();
  }
  const auto place = shared.calls.Enter();
  if (!place.ok()) {
    reactor->FinishOnce(place.status());
    return reactor.get();
  }
  reactor->place_ = *place;
  shared.calls.Attach(*place, reactor);
  reactor->timer_.Arm(answer_by, [reactor] {
    reactor->FinishOnce(absl::DeadlineExceededError("Kafka has not answered in time"));
  });
  const absl::Time deadline = std::min(answer_by, shared.context.clock.Now() + kTimeout);
  shared.blocking.Post([reactor, group = *group, deadline] { reactor->Ask(group, deadline); });
  return reactor.get();
}

void GetGroupReactor::Drain(absl::Duration) {
  FinishOnce(MakeRetryError(v1::ERROR_REASON_SERVER_DRAINING, "the server is shutting down"));
}

// Where it may have waited for its turn.
void GetGroupReactor::Ask(const std::string& group, absl::Time deadline) {
  const bus::Context& context = shared_.context;
  if (finished()) return;
  if (context.clock.Now() >= deadline) return FinishOnce(Unavailable());
  const auto report = bus::ReportGroup(group, context, deadline);
  if (!report.ok()) return FinishOnce(report.status());
  FinishOnce(GetGroupResponseBytes(group, *report, shared_.defaults, context.clock.Now()));
}

void GetGroupReactor::OnDone() {
  if (place_ != 0) shared_.calls.Leave(place_);
  const auto self = std::move(self_);
}

bool GetGroupReactor::finished() {
  MutexLock lock(mu_);
  return finished_;
}

void GetGroupReactor::FinishOnce(const absl::StatusOr<std::string>& answer) {
  {
    MutexLock lock(mu_);
    if (std::exchange(finished_, true)) return;
  }
  timer_.Disarm();
  if (answer.ok()) *response_ = ToByteBuffer(*answer);
  Finish(ToGrpcStatus(answer.status()));
}

}  // namespace eventbus::rpc
