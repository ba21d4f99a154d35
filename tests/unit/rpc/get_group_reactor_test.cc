// GetGroup, over a real connection to a server in this process.
#include "server/rpc/get_group_reactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "grpcpp/grpcpp.h"
#include "server/base/error.h"
#include "server/bus/group_inspector.h"
#include "server/rpc/admin_service.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/schema.h"
#include "tests/unit/rpc/publish_support.h"

namespace eventbus::rpc {
namespace {

using testing::HasSubstr;

// Holds DescribeGroup up until it is opened.
class Gate {
 public:
  void Wait() {
    MutexLock lock(mu_);
    ++waiting_;
    changed_.NotifyAll();
    while (!open_) changed_.WaitFor(mu_, absl::Seconds(1));
  }
  void WaitForSomebody() {
    MutexLock lock(mu_);
    while (waiting_ == 0) changed_.WaitFor(mu_, absl::Seconds(1));
  }
  void Open() {
    MutexLock lock(mu_);
    open_ = true;
    changed_.NotifyAll();
  }

 private:
  Mutex mu_;
  CondVar changed_;
  int waiting_ ABSL_GUARDED_BY(mu_) = 0;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
};

class GetGroupTest : public testing::Test {
 protected:
  GetGroupTest() {
    kafka_.AddTopic("document-events", 3);
    monitor_.Start([](bool) {});
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::EventBusAdminService::NewStub(grpc::CreateChannel(
        "127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()));
    while (!monitor_.available()) std::this_thread::yield();
  }
  ~GetGroupTest() override {
    gate_.Open();
    server_->Shutdown();
    monitor_.Stop();
    executor_->Stop();
    blocking_->Stop();
  }

  // Kafka answers once the gate is open.
  void Hold() {
    kafka_.OnDescribeGroup([this] { gate_.Wait(); });
  }
  grpc::Status GetGroup(const std::string& group, absl::Duration timeout = absl::Seconds(30)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
    v1::GetGroupRequest request;
    request.set_group(group);
    return stub_->GetGroup(&context, request, &response_);
  }

  static bus::ClusterMonitor::Options OftenAsked() {
    bus::ClusterMonitor::Options options;
    options.interval = absl::Milliseconds(5);
    return options;
  }
  static SubscribeDefaults Defaults() {
    SubscribeDefaults defaults;
    defaults.group_id = "the-group";
    return defaults;
  }

  const fakes::Schema& schema_ = fakes::Schema::Get();
  Gate gate_;
  fakes::FakeKafka kafka_;
  bus::GroupInspector inspector_;
  std::unique_ptr<Executor> executor_ = MakeThreadPool("bus", 2);
  std::unique_ptr<Executor> blocking_ = MakeThreadPool("blocking", 1);
  bus::ClusterMonitor monitor_{kafka_, *executor_, Clock::System(), OftenAsked()};
  const bus::Context context_{schema_.catalog, *schema_.plan, kafka_,     kafka_,
                              monitor_,        *executor_,    *blocking_, Clock::System(),
                              nullptr,         nullptr,       nullptr,    &inspector_};
  AdminService service_{context_, *blocking_, Defaults()};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::EventBusAdminService::Stub> stub_;
  v1::GetGroupResponse response_;
};

TEST_F(GetGroupTest, SaysWhatKafkaKnows) {
  kafka_.SetGroupDescription("the-group",
                             {"Stable", "range", {{"m", "c", "h", {{"document-events", 1}}}}});
  kafka_.Group("the-group").SetCommitted({"document-events", 0}, 3);
  const grpc::Status status = GetGroup("");
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.group(), "the-group");
  EXPECT_EQ(response_.members(0).assigned(0).partition(), 1);
  ASSERT_EQ(response_.partitions_size(), 2);
  EXPECT_EQ(response_.partitions(0).committed_offset(), 3);
  EXPECT_EQ(response_.partitions(1).end_offset(), 0);
}

TEST_F(GetGroupTest, WhatFailsIsExplained) {
  const grpc::Status none = GetGroup("nobody");
  EXPECT_EQ(none.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(none), "GROUP_NOT_FOUND");
  const grpc::Status bad = GetGroup("a group");
  EXPECT_EQ(bad.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(bad), "REQUEST_INVALID");
  kafka_.SetError(MakeError(v1::ERROR_REASON_UNSUPPORTED, "not this Kafka"));
  EXPECT_EQ(GetGroup("g").error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(GetGroupTest, WithoutAnAnswerItIsAnsweredBeforeTheDeadlineInOurWords) {
  Hold();
  const grpc::Status status = GetGroup("g", absl::Milliseconds(500));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(status.error_message(), HasSubstr("Kafka has not answered"));
}

TEST_F(GetGroupTest, WhatWaitsForItsTurnIsAnsweredInTimeToo) {
  Hold();
  std::thread first([this] {
    grpc::ClientContext context;
    v1::GetGroupResponse response;
    v1::GetGroupRequest request;
    request.set_group("g");
    EXPECT_FALSE(stub_->GetGroup(&context, request, &response).ok());
  });
  gate_.WaitForSomebody();
  EXPECT_EQ(GetGroup("g", absl::Milliseconds(500)).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  gate_.Open();
  first.join();
}

TEST_F(GetGroupTest, ADrainRefusesWhatWaitsAndWhatComes) {
  Hold();
  std::thread drainer([this] {
    gate_.WaitForSomebody();
    service_.Drain(absl::Seconds(1));
  });
  const grpc::Status status = GetGroup("g");
  drainer.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "SERVER_DRAINING");
  EXPECT_EQ(ReasonOf(GetGroup("g")), "SERVER_DRAINING");
}

TEST_F(GetGroupTest, WhileKafkaIsAwayItIsSaidAtOnce) {
  Hold();
  kafka_.SetError(MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  while (monitor_.available()) std::this_thread::yield();
  EXPECT_EQ(ReasonOf(GetGroup("g")), "KAFKA_UNAVAILABLE");
}

}  // namespace
}  // namespace eventbus::rpc
