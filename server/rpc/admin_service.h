#pragma once

#include <cstddef>

#include "eventbus/v1/event_bus_admin_service.grpc.pb.h"
#include "server/rpc/get_group_reactor.h"

namespace eventbus::rpc {

// EventBusAdminService, raw as Service is. Everything handed in outlives the gRPC server.
class AdminService final : public v1::EventBusAdminService::WithRawCallbackMethod_GetGroup<
                               v1::EventBusAdminService::Service> {
 public:
  // As many calls wait for Kafka at most.
  static constexpr std::size_t kMaxCalls = 1000;

  // Calls block threads of `blocking`: not those that streams wait for. `context.inspector` must
  // not be null.
  AdminService(const bus::Context& context, Executor& blocking, const SubscribeDefaults& defaults)
      : shared_{context, blocking, defaults, StreamRegistry(kMaxCalls)} {}

  grpc::ServerUnaryReactor* GetGroup(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override {
    return GetGroupReactor::Start(context, *request, response, shared_);
  }

  // Refuses calls, and those that wait.
  void Drain(absl::Duration remaining) { shared_.calls.Drain(remaining); }

 private:
  GetGroupReactor::Shared shared_;
};

}  // namespace eventbus::rpc
