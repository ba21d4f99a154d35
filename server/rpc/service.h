#pragma once

#include <memory>
#include <string>

#include "eventbus/v1/event_bus_service.grpc.pb.h"
#include "server/bus/group_registry.h"
#include "server/bus/publisher.h"
#include "server/rpc/requests.h"
#include "server/rpc/stream_registry.h"
#include "server/rpc/subscribe_reactor.h"

namespace eventbus::rpc {

// EventBusService, with events as bytes: every method is raw, so that requests are read by our own
// rules and what is wrong with them is said. Everything handed in outlives the gRPC server.
class Service final : public v1::EventBusService::WithRawCallbackMethod_Publish<
                          v1::EventBusService::WithRawCallbackMethod_PublishBatch<
                              v1::EventBusService::WithRawCallbackMethod_PublishStream<
                                  v1::EventBusService::WithRawCallbackMethod_Subscribe<
                                      v1::EventBusService::Service>>>> {
 public:
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

  // True: every member of a group has left, and committed; false: `timeout` is over. Those of
  // clients that have gone do so after their streams have ended.
  bool WaitForMembers(absl::Duration timeout) { return groups_.WaitUntilEmpty(timeout); }

 private:
  // Checks the request, and names the stream.
  absl::StatusOr<SubscribeOptions> ReadRequest(const grpc::ByteBuffer& request) const;
  std::shared_ptr<bus::Subscription> Begin(bus::TailOptions options,
                                           const std::shared_ptr<SubscribeReactor>& reactor);
  std::shared_ptr<bus::Subscription> Begin(bus::GroupOptions options,
                                           const std::shared_ptr<SubscribeReactor>& reactor);

  bus::Publisher& publisher_;
  const bus::Context readers_;
  StreamRegistry& streams_;
  const SubscribeDefaults defaults_;
  bus::GroupRegistry groups_;
};

}  // namespace eventbus::rpc
