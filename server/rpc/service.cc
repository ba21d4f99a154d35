#include "server/rpc/service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "grpcpp/server_context.h"
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/base/uuid.h"
#include "server/rpc/bytes.h"
#include "server/rpc/publish_reactor.h"
#include "server/rpc/requests.h"
#include "server/rpc/subscribe_reactor.h"

namespace eventbus::rpc {
namespace {

void LogStart(const bus::TailOptions& options, const std::string& peer) {
  Log(LogLevel::kInfo, "stream started",
      {{"stream", options.stream_id},
       {"peer", peer},
       {"client_id", options.source.client_id},
       {"topics", absl::StrJoin(options.source.topics, ",")}});
}

void LogEnd(const std::string& stream, const absl::Status& status) {
  Log(LogLevel::kInfo, "stream ended",
      {{"stream", stream},
       {"code", absl::StatusCodeToString(status.code())},
       {"message", std::string(status.message())}});
}

}  // namespace

Service::Service(bus::Publisher& publisher, const bus::Context& tails, StreamRegistry& streams,
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
  auto options = id.ok() ? ReadRequest(*request) : id.status();
  const std::string stream = options.ok() ? options->stream_id : "";
  auto reactor = SubscribeReactor::Make(context, tails_.executor, tails_.clock,
                                        [this, place, stream](const absl::Status& status) {
                                          if (!stream.empty()) LogEnd(stream, status);
                                          streams_.Leave(place);
                                        });
  if (!options.ok()) {
    reactor->Close(options.status(), {});
    return reactor.get();
  }
  LogStart(*options, context->peer());
  const auto tail = bus::Tail::Make(tails_, *std::move(options), reactor);
  reactor->SetSubscription(tail);
  tail->Start();
  streams_.Attach(place, tail);
  return reactor.get();
}

absl::StatusOr<bus::TailOptions> Service::ReadRequest(const grpc::ByteBuffer& request) const {
  const RequestBytes bytes(request);
  auto options = ParseSubscribe(bytes.view(), tails_.catalog, host_);
  if (!options.ok()) return options.status();
  if (!tails_.monitor.available()) {
    return MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "Kafka does not answer");
  }
  options->stream_id = NewUuid();
  return options;
}

}  // namespace eventbus::rpc
