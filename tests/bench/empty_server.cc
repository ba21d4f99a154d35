#include "tests/bench/empty_server.h"

#include <csignal>
#include <iostream>

#include "eventbus/v1/event_bus_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/sample.h"

namespace eventbus::bench {
namespace {

// Of the size that a real one has.
grpc::ByteBuffer Answer() {
  v1::PublishResponse response;
  response.set_event_id("6513270e-269e-4d37-b2a7-4de452e6b438");
  response.set_topic(kTopic);
  response.set_partition(1);
  response.set_offset(1'000'000);
  return ToByteBuffer(response.SerializeAsString());
}

class EmptyService final
    : public v1::EventBusService::WithRawCallbackMethod_Publish<v1::EventBusService::Service> {
 public:
  grpc::ServerUnaryReactor* Publish(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* /*request*/,
                                    grpc::ByteBuffer* response) override {
    *response = answer_;
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const grpc::ByteBuffer answer_ = Answer();
};

}  // namespace

int RunEmptyServer() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  EmptyService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) return 1;
  std::cout << "listening address=127.0.0.1:" << port << std::endl;

  int received = 0;
  sigwait(&signals, &received);
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

}  // namespace eventbus::bench
