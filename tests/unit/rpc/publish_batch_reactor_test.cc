// PublishBatch, over a real connection to a server in this process.
#include "server/rpc/publish_batch_reactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/impl/codegen/client_unary_call.h"
#include "server/base/error.h"
#include "tests/fakes/in_process_bus.h"
#include "tests/unit/rpc/publish_support.h"

namespace eventbus::rpc {
namespace {

using testing::HasSubstr;

class PublishBatchTest : public testing::Test {
 protected:
  grpc::Status Publish(int first, int last) {
    return Publish(Documents<v1::PublishBatchRequest>(first, last));
  }
  grpc::Status Publish(const v1::PublishBatchRequest& request) {
    return bus_.stub().PublishBatch(&context_, request, &response_);
  }
  // Bytes that no stub would send.
  grpc::Status PublishBytes(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    return grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
        bus_.channel().get(),
        grpc::internal::RpcMethod("/eventbus.v1.EventBusService/PublishBatch",
                                  grpc::internal::RpcMethod::NORMAL_RPC),
        &context_, request, &response);
  }

  fakes::InProcessBus bus_;
  grpc::ClientContext context_;
  v1::PublishBatchResponse response_;
};

TEST_F(PublishBatchTest, AnswersWhereEachEventIs) {
  const grpc::Status status = Publish(1, 1000);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response_.results_size(), 1000);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(response_.results(i).published().topic(), "document-events");
    EXPECT_EQ(response_.results(i).published().offset(), i);
  }
}

TEST_F(PublishBatchTest, OneThatIsRefusedDoesNotFailTheCall) {
  auto request = Documents<v1::PublishBatchRequest>(1, 2);
  request.mutable_requests(0)->set_json("{}");
  ASSERT_TRUE(Publish(request).ok());
  EXPECT_EQ(response_.results(0).error().reason(), v1::ERROR_REASON_EVENT_INVALID);
  EXPECT_EQ(response_.results(0).error().field_violations(0).field(),
            "requests[0].json.event_type");
  EXPECT_TRUE(response_.results(1).has_published());
}

TEST_F(PublishBatchTest, TheCallsTraceparentBecomesAHeaderOfEach) {
  context_.AddMetadata("traceparent", "00-abc");
  ASSERT_TRUE(Publish(1, 2).ok());
  for (const kafka::OutgoingRecord& record : bus_.kafka().produced()) {
    EXPECT_EQ(record.headers.at(1).value, "00-abc");
  }
}

TEST_F(PublishBatchTest, AnEmptyBatchIsRefused) {
  const grpc::Status status = Publish(v1::PublishBatchRequest());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "REQUEST_INVALID");
  EXPECT_EQ(status.error_message(), "requests: 0 requests, 1 to 1000 are allowed");
}

TEST_F(PublishBatchTest, BrokenFramingFailsTheCallAndNothingIsProduced) {
  const std::string good = Documents<v1::PublishBatchRequest>(1, 1).SerializeAsString();
  const grpc::Status status = PublishBytes(good + "\x0a\x7fx");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "REQUEST_INVALID");
  EXPECT_TRUE(bus_.kafka().produced().empty());
}

TEST_F(PublishBatchTest, AnUnknownFieldFailsTheCall) {
  const std::string good = Documents<v1::PublishBatchRequest>(1, 1).SerializeAsString();
  EXPECT_EQ(ReasonOf(PublishBytes(good + "\x10\x01")), "UNKNOWN_FIELD");
  EXPECT_TRUE(bus_.kafka().produced().empty());
}

TEST_F(PublishBatchTest, OverFourMegabytesIsAnsweredByUs) {
  auto request = Documents<v1::PublishBatchRequest>(1, 1);
  for (int i = 0; i < 5; ++i) request.add_requests()->set_json(std::string(900'000, ' '));
  const grpc::Status status = Publish(request);
  EXPECT_EQ(ReasonOf(status), "REQUEST_INVALID");
  EXPECT_THAT(status.error_message(), HasSubstr("at most 4194304"));
  EXPECT_TRUE(bus_.kafka().produced().empty());
}

TEST_F(PublishBatchTest, WhatHasNoReportBeforeTheDeadlineIsUnknownAndTheCallIsOk) {
  bus_.kafka().HoldDeliveries();
  context_.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(600));
  std::thread reporter([this] {
    while (bus_.kafka().produced().size() < 2) std::this_thread::yield();
    bus_.kafka().Deliver(kafka::Position{0, 5});
  });
  const grpc::Status status = Publish(1, 2);
  reporter.join();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.results(0).published().offset(), 5);
  EXPECT_EQ(response_.results(1).error().reason(), v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN);
  bus_.kafka().Deliver(kafka::Position{0, 6});  // The late report harms nobody.
}

TEST_F(PublishBatchTest, WhileDrainingEachEventSaysSo) {
  bus_.publisher().Drain();
  ASSERT_TRUE(Publish(1, 2).ok());
  EXPECT_EQ(response_.results(1).error().reason(), v1::ERROR_REASON_SERVER_DRAINING);
}

TEST_F(PublishBatchTest, AFullQueueIsEachEventsResult) {
  bus_.kafka().SetProduceError(MakeRetryError(v1::ERROR_REASON_PUBLISH_QUEUE_FULL, "full"));
  ASSERT_TRUE(Publish(1, 1).ok());
  EXPECT_EQ(response_.results(0).error().reason(), v1::ERROR_REASON_PUBLISH_QUEUE_FULL);
}

TEST_F(PublishBatchTest, AThousandErrorsReachAClientWithItsDefaultLimit) {
  v1::PublishBatchRequest request;
  for (int i = 0; i < 1000; ++i) {
    auto& one = *request.add_requests();
    for (int h = 0; h < 20; ++h) one.add_headers()->set_key("eventbus-" + std::string(150, 'h'));
  }
  const grpc::Status status = Publish(request);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response_.results_size(), 1000);
  const auto& violations = response_.results(999).error().field_violations();
  EXPECT_THAT(violations.at(violations.size() - 1).description(), HasSubstr("more"));
}

TEST_F(PublishBatchTest, ACancelledBatchIsStillWritten) {
  bus_.kafka().HoldDeliveries();
  std::thread canceller([this] {
    while (bus_.kafka().produced().size() < 2) std::this_thread::yield();
    context_.TryCancel();
  });
  EXPECT_EQ(Publish(1, 2).error_code(), grpc::StatusCode::CANCELLED);
  canceller.join();
  bus_.kafka().Deliver(kafka::Position{0, 0});
  bus_.kafka().Deliver(kafka::Position{0, 1});
}

}  // namespace
}  // namespace eventbus::rpc
