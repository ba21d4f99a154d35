#pragma once

#include <memory>
#include <string>

#include "grpcpp/grpcpp.h"
#include "server/bus/acknowledge.h"
#include "server/bus/tail_hub.h"
#include "server/rpc/service.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/schema.h"

namespace eventbus::fakes {

// A real gRPC server with the real service, on a free port, over a FakeKafka that has the five
// topics.
class InProcessBus {
 public:
  explicit InProcessBus(std::size_t max_streams = 900) : streams_(max_streams) {
    for (const event::Topic& topic : schema_.catalog.topics()) {
      kafka_.AddTopic(topic.name, topic.partitions);
    }
    monitor_.Start([this](bool) { streams_.WakeAll(); });
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    builder.SetMaxReceiveMessageSize(5 << 20);
    server_ = builder.BuildAndStart();
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                   grpc::InsecureChannelCredentials());
    stub_ = v1::EventBusService::NewStub(channel_);
    while (!monitor_.available()) std::this_thread::yield();
  }

  ~InProcessBus() {
    streams_.Drain(absl::Seconds(1));
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    service_.DrainMembers(absl::ZeroDuration());
    service_.WaitForMembers(absl::Seconds(30));
    monitor_.Stop();
    executor_->Stop();
    blocking_->Stop();
  }

  FakeKafka& kafka() { return kafka_; }
  v1::EventBusService::Stub& stub() { return *stub_; }
  const std::shared_ptr<grpc::Channel>& channel() { return channel_; }
  rpc::StreamRegistry& streams() { return streams_; }
  bus::Publisher& publisher() { return publisher_; }
  bus::AckRegistry& acks() { return acks_; }
  rpc::Service& service() { return service_; }

 private:
  // What tails share does not outlast them for long.
  static bus::TailHubOptions TailOptions() {
    bus::TailHubOptions options;
    options.reader.linger = absl::Milliseconds(10);
    return options;
  }

  static rpc::SubscribeDefaults MakeDefaults() {
    rpc::SubscribeDefaults defaults;
    defaults.host = "test-host";
    return defaults;
  }

  const Schema& schema_ = Schema::Get();
  FakeKafka kafka_;
  bus::AckRegistry acks_;
  std::unique_ptr<Executor> executor_ = MakeThreadPool("bus", 2);
  std::unique_ptr<Executor> blocking_ = MakeThreadPool("blocking", 2);
  bus::ClusterMonitor monitor_{kafka_, *blocking_, Clock::System(), bus::ClusterMonitor::Options()};
  bus::TailHub tails_{*schema_.plan, kafka_,          monitor_,     *executor_,
                      *blocking_,    Clock::System(), TailOptions()};
  rpc::StreamRegistry streams_;
  bus::Publisher publisher_{*schema_.plan, kafka_, Clock::System(), bus::PublisherOptions()};
  rpc::Service service_{publisher_,
                        {schema_.catalog, *schema_.plan, kafka_, kafka_, monitor_, *executor_,
                         *blocking_, Clock::System(), &tails_, &acks_},
                        streams_,
                        MakeDefaults()};
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::EventBusService::Stub> stub_;
};

}  // namespace eventbus::fakes
