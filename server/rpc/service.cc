#include "server/rpc/service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "grpcpp/server_context.h"
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/base/uuid.h"
#include "server/rpc/acknowledge_reactor.h"
#include "server/rpc/bytes.h"
#include "server/rpc/consume_reactor.h"
#include "server/rpc/publish_batch_reactor.h"
#include "server/rpc/publish_reactor.h"
#include "server/rpc/publish_stream_reactor.h"
#include "server/rpc/requests.h"
#include "server/rpc/subscribe_reactor.h"

namespace eventbus::rpc {
namespace {

std::string GroupOf(const bus::TailOptions&) { return ""; }
std::string GroupOf(const bus::GroupOptions& options) { return options.source.group_id; }

void LogStart(const SubscribeOptions& options, const std::string& peer) {
  std::visit(
      [&peer](const auto& each) {
        Log(LogLevel::kInfo, "stream started",
            {{"stream", each.stream_id},
             {"peer", peer},
             {"client_id", each.source.client_id},
             {"group", GroupOf(each)},
             {"topics", absl::StrJoin(each.source.topics, ",")}});
      },
      options);
}

std::string StreamOf(const SubscribeOptions& options) {
  return std::visit([](const auto& each) { return each.stream_id; }, options);
}

void LogEnd(const std::string& stream, const absl::Status& status) {
  Log(LogLevel::kInfo, "stream ended",
      {{"stream", stream},
       {"code", absl::StatusCodeToString(status.code())},
       {"message", std::string(status.message())}});
}

}  // namespace

Service::Service(bus::Publisher& publisher, const bus::Context& readers, StreamRegistry& streams,
                 SubscribeDefaults defaults)
    : publisher_(publisher), readers_(readers), streams_(streams), defaults_(std::move(defaults)) {}

grpc::ServerUnaryReactor* Service::Publish(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) {
  return PublishReactor::Start(context, *request, response, publisher_, readers_.executor,
                               readers_.clock);
}

grpc::ServerUnaryReactor* Service::PublishBatch(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer* request,
                                                grpc::ByteBuffer* response) {
  return PublishBatchReactor::Start(context, *request, response, publisher_, readers_.executor,
                                    readers_.clock);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Service::PublishStream(
    grpc::CallbackServerContext* context) {
  const auto id = streams_.Enter();
  const StreamRegistry::Id place = id.ok() ? *id : 0;  // To leave no place is no harm.
  auto reactor = PublishStreamReactor::Make(context, [this, place] { streams_.Leave(place); });
  if (!id.ok()) {
    reactor->Close(id.status());
    return reactor.get();
  }
  bus::PublishStreamOptions options;
  options.traceparent = Traceparent(*context);
  options.answer_by = AnswerBy(*context, readers_.clock);
  options.kafka_answers = [this] { return readers_.monitor.available(); };
  options.drain_grace = SubscribeReactor::kCloseGrace;
  const auto stream = bus::PublishStream::Make(publisher_, readers_.executor, readers_.clock,
                                               std::move(options), reactor);
  reactor->SetStream(stream);
  stream->Start();
  streams_.Attach(place, stream);
  return reactor.get();
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* Service::Subscribe(grpc::CallbackServerContext* context,
                                                               const grpc::ByteBuffer* request) {
  const auto id = streams_.Enter();
  const StreamRegistry::Id place = id.ok() ? *id : 0;  // To leave no place is no harm.
  auto options =
      id.ok() ? Accept(ParseSubscribe(RequestBytes(*request).view(), readers_.catalog, defaults_))
              : id.status();
  const std::string stream = options.ok() ? StreamOf(*options) : "";
  auto reactor = SubscribeReactor::Make(context, readers_.executor, readers_.clock,
                                        [this, place, stream](const absl::Status& status) {
                                          if (!stream.empty()) LogEnd(stream, status);
                                          streams_.Leave(place);
                                        });
  if (!options.ok()) {
    reactor->Close(options.status(), {});
    return reactor.get();
  }
  streams_.Attach(place, Begin(*std::move(options), context->peer(), reactor));
  return reactor.get();
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Service::Consume(
    grpc::CallbackServerContext* context) {
  const auto id = streams_.Enter();
  const StreamRegistry::Id place = id.ok() ? *id : 0;  // To leave no place is no harm.
  const auto stream = std::make_shared<std::string>();
  auto reactor = ConsumeReactor::Make(context, *readers_.acks, readers_.executor, readers_.clock,
                                      [this, place, stream](const absl::Status& status) {
                                        if (!stream->empty()) LogEnd(*stream, status);
                                        streams_.Leave(place);
                                      });
  if (!id.ok()) {
    reactor->Close(id.status(), {});
    return reactor.get();
  }
  reactor->Start([this, stream, peer = context->peer()](const v1::SubscribeRequest& request,
                                                        const std::shared_ptr<DeliverySink>& sink)
                     -> absl::StatusOr<std::shared_ptr<bus::Subscription>> {
    auto options = Accept(ReadSubscribe(request, readers_.catalog, defaults_, "subscribe."));
    if (!options.ok()) return options.status();
    if (auto* group = std::get_if<bus::GroupOptions>(&*options)) group->settles_on_stream = true;
    *stream = StreamOf(*options);
    return Begin(*std::move(options), peer, sink);
  });
  streams_.Attach(place, reactor);
  return reactor.get();
}

grpc::ServerUnaryReactor* Service::Acknowledge(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) {
  return AcknowledgeReactor::Start(context, *request, response, *readers_.acks, readers_.executor,
                                   readers_.clock);
}

absl::StatusOr<SubscribeOptions> Service::Accept(absl::StatusOr<SubscribeOptions> options) const {
  if (!options.ok()) return options;
  if (!readers_.monitor.available()) {
    return MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "Kafka does not answer");
  }
  std::visit([](auto& each) { each.stream_id = NewUuid(); }, *options);
  return options;
}

std::shared_ptr<bus::Subscription> Service::Begin(SubscribeOptions options, const std::string& peer,
                                                  const std::shared_ptr<DeliverySink>& sink) {
  LogStart(options, peer);
  std::shared_ptr<bus::Subscription> subscription =
      std::visit([&](auto& each) { return MakeSubscription(std::move(each), sink); }, options);
  sink->SetSubscription(subscription);
  subscription->Start();
  sink->OnSubscriptionStarted();
  return subscription;
}

std::shared_ptr<bus::Subscription> Service::MakeSubscription(
    bus::TailOptions options, const std::shared_ptr<DeliverySink>& sink) {
  return bus::Tail::Make(readers_, std::move(options), sink);
}

std::shared_ptr<bus::Subscription> Service::MakeSubscription(
    bus::GroupOptions options, const std::shared_ptr<DeliverySink>& sink) {
  return bus::Group::Make(readers_, groups_, std::move(options), sink);
}

}  // namespace eventbus::rpc
