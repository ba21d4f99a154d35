#pragma once

#include <memory>
#include <string>

#include "eventbus/v1/event_bus_service.grpc.pb.h"
#include "server/bus/group_registry.h"
#include "server/bus/publisher.h"
#include "server/rpc/delivery_sink.h"
#include "server/rpc/requests.h"
#include "server/rpc/stream_registry.h"

namespace eventbus::rpc {

// EventBusService, with events as bytes: every method is raw, so that requests are read by our own
// rules and what is wrong with them is said. Everything handed in outlives the gRPC server.
class Service final : public v1::EventBusService::WithRawCallbackMethod_Publish<
                          v1::EventBusService::WithRawCallbackMethod_PublishBatch<
                              v1::EventBusService::WithRawCallbackMethod_PublishStream<
                                  v1::EventBusService::WithRawCallbackMethod_Subscribe<
                                      v1::EventBusService::WithRawCallbackMethod_Acknowledge<
                                          v1::EventBusService::WithRawCallbackMethod_Consume<
                                              v1::EventBusService::Service>>>>>> {
 public:
  // `readers.acks` must not be null.
  Service(bus::Publisher& publisher, const bus::Context& readers, StreamRegistry& streams,
          SubscribeDefaults defaults);

  grpc::ServerUnaryReactor* Publish(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;

  grpc::ServerUnaryReactor* PublishBatch(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* PublishStream(
      grpc::CallbackServerContext* context) override;

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Subscribe(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request) override;

  grpc::ServerUnaryReactor* Acknowledge(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Consume(
      grpc::CallbackServerContext* context) override;

  // Drains the members of groups whose streams have ended; see bus/group_registry.
  void DrainMembers(absl::Duration remaining) { groups_.Drain(remaining); }
  // True: no member of a group is left; false: `timeout` is over.
  bool WaitForMembers(absl::Duration timeout) { return groups_.WaitUntilEmpty(timeout); }

 private:
  // Names the stream of a request that has been checked.
  absl::StatusOr<SubscribeOptions> Accept(absl::StatusOr<SubscribeOptions> options) const;
  std::shared_ptr<bus::Subscription> Begin(SubscribeOptions options, const std::string& peer,
                                           const std::shared_ptr<DeliverySink>& sink);
  std::shared_ptr<bus::Subscription> MakeSubscription(bus::TailOptions options,
                                                      const std::shared_ptr<DeliverySink>& sink);
  std::shared_ptr<bus::Subscription> MakeSubscription(bus::GroupOptions options,
                                                      const std::shared_ptr<DeliverySink>& sink);

  bus::Publisher& publisher_;
  const bus::Context readers_;
  StreamRegistry& streams_;
  const SubscribeDefaults defaults_;
  bus::GroupRegistry groups_;
};

}  // namespace eventbus::rpc
