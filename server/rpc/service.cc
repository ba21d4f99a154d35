#include "server/rpc/service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/uuid.h"
#include "server/rpc/bytes.h"
#include "server/rpc/publish_reactor.h"
#include "server/rpc/requests.h"
#include "server/rpc/subscribe_reactor.h"

namespace eventbus::rpc {
namespace {

absl::Status KafkaUnavailable() {
  ErrorDetails details;
  details.reason = v1::ERROR_REASON_KAFKA_UNAVAILABLE;
  details.retry_delay = absl::Seconds(1);
  return MakeError(details, "Kafka does not answer");
}

}  // namespace

Service::Service(bus::Publisher& publisher, const bus::TailContext& tails, StreamRegistry& streams,
                 std::string host)
    : publisher_(publisher), tails_(tails), streams_(streams), host_(std::move(host)) {}

grpc::ServerUnaryReactor* Service::Publish(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) {
  return PublishReactor::Start(context, *request, response, publisher_, tails_.executor,
                               tails_.clock);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* Service::Subscribe(grpc::CallbackServerContext* context,
                                                               const grpc::ByteBuffer* request) {
  const auto id = streams_.Enter();
  const StreamRegistry::Id place = id.ok() ? *id : 0;  // To leave no place is no harm.
  auto reactor = SubscribeReactor::Make(context, tails_.executor, tails_.clock,
                                        [this, place] { streams_.Leave(place); });
  const absl::Status status = id.ok() ? StartTail(*request, place, reactor) : id.status();
  if (!status.ok()) reactor->Close(status, {});
  return reactor.get();
}

absl::Status Service::StartTail(const grpc::ByteBuffer& request, StreamRegistry::Id id,
                                const std::shared_ptr<SubscribeReactor>& reactor) {
  const RequestBytes bytes(request);
  auto options = ParseSubscribe(bytes.view(), tails_.catalog, host_);
  if (!options.ok()) return options.status();
  if (!tails_.monitor.available()) return KafkaUnavailable();
  options->stream_id = NewUuid();
  const auto tail = bus::Tail::Make(tails_, *std::move(options), reactor);
  reactor->SetSubscription(tail);
  tail->Start();
  streams_.Attach(id, tail);
  return absl::OkStatus();
}

}  // namespace eventbus::rpc
