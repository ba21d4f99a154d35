#pragma once

#include <string>

#include "eventbus/v1/event_bus_service.grpc.pb.h"
#include "server/bus/publisher.h"
#include "server/bus/tail.h"
#include "server/rpc/stream_registry.h"

namespace eventbus::rpc {

// EventBusService, with events as bytes: every method is raw, so that requests are read by our own
// rules and what is wrong with them is said. Everything handed in outlives the gRPC server.
class Service final
    : public v1::EventBusService::WithRawCallbackMethod_Publish<
          v1::EventBusService::WithRawCallbackMethod_Subscribe<v1::EventBusService::Service>> {
 public:
  // `host` names this server in Kafka's client ids.
  Service(bus::Publisher& publisher, const bus::Context& tails, StreamRegistry& streams,
          std::string host);

  grpc::ServerUnaryReactor* Publish(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Subscribe(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request) override;

 private:
  // Checks the request.
  absl::StatusOr<bus::TailOptions> ReadRequest(const grpc::ByteBuffer& request) const;

  bus::Publisher& publisher_;
  const bus::Context tails_;
  StreamRegistry& streams_;
  const std::string host_;
};

}  // namespace eventbus::rpc
