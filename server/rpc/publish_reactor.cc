#include "server/rpc/publish_reactor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/server_context.h"
#include "server/base/error.h"
#include "server/rpc/bytes.h"
#include "server/rpc/status.h"
#include "server/wire/envelope.h"

namespace eventbus::rpc {
namespace {

constexpr absl::Duration kAnswerEarly = absl::Milliseconds(100);
constexpr std::size_t kMaxTraceparentBytes = 256;

// The call's W3C trace context; empty where it has none that can be one.
std::string Traceparent(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("traceparent");
  if (found == metadata.end() || found->second.size() > kMaxTraceparentBytes) return "";
  return {found->second.data(), found->second.size()};
}

absl::Time Deadline(const grpc::CallbackServerContext& context) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return absl::InfiniteFuture();
  return absl::FromChrono(deadline);
}

}  // namespace

grpc::ServerUnaryReactor* PublishReactor::Start(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer& request,
                                                grpc::ByteBuffer* response,
                                                bus::Publisher& publisher, Executor& timers,
                                                const Clock& clock) {
  std::shared_ptr<PublishReactor> reactor(new PublishReactor(response, timers));
  reactor->self_ = reactor;
  const absl::Time deadline = Deadline(*context);
  reactor->Publish(request, Traceparent(*context), publisher);
  if (deadline != absl::InfiniteFuture()) reactor->ArmDeadline(deadline, clock.Now());
  return reactor.get();
}

void PublishReactor::OnDone() { const auto self = std::move(self_); }

void PublishReactor::Publish(const grpc::ByteBuffer& request, absl::string_view traceparent,
                             bus::Publisher& publisher) {
  if (request.Length() > kMaxRequestBytes) {
    return FinishOnce(MakeInvalid(
        v1::ERROR_REASON_REQUEST_INVALID,
        {{"request", absl::StrCat(request.Length(), " bytes, at most ", kMaxRequestBytes)}}));
  }
  const RequestBytes bytes(request);
  publisher.Publish(
      bytes.view(), traceparent,
      [self = self_](absl::StatusOr<bus::Published> result) { self->FinishOnce(result); });
}

void PublishReactor::ArmDeadline(absl::Time deadline, absl::Time now) {
  const absl::Duration early = std::min(kAnswerEarly, (deadline - now) / 2);
  MutexLock lock(mu_);
  if (finished_) return;
  timer_ = timers_.PostAt(deadline - early, [self = self_] {
    self->FinishOnce(MakeError(v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN,
                               "no broker said in time whether the event was written; send it "
                               "again with the same event_id"));
  });
}

void PublishReactor::FinishOnce(const absl::StatusOr<bus::Published>& result) {
  Executor::TimerId timer = 0;
  {
    MutexLock lock(mu_);
    if (std::exchange(finished_, true)) return;
    timer = std::exchange(timer_, 0);
  }
  if (timer != 0) timers_.Cancel(timer);
  if (result.ok()) {
    *response_ = ToByteBuffer(wire::PublishResponseBytes(result->event_id, result->topic,
                                                         result->partition, result->offset));
  }
  Finish(ToGrpcStatus(result.status()));
}

}  // namespace eventbus::rpc
