// Publish, over a real connection to a server in this process.
#include "server/rpc/publish_reactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/fakes/in_process_bus.h"
#include "tests/unit/rpc/publish_support.h"

namespace eventbus::rpc {
namespace {

using testing::HasSubstr;

v1::PublishRequest JsonRequest(int n) {
  v1::PublishRequest request;
  request.set_json(fakes::DocumentJson(n));
  return request;
}

class PublishTest : public testing::Test {
 protected:
  grpc::Status Publish(const v1::PublishRequest& request) {
    return bus_.stub().Publish(&context_, request, &response_);
  }

  fakes::InProcessBus bus_;
  grpc::ClientContext context_;
  v1::PublishResponse response_;
};

TEST_F(PublishTest, AnswersWhereTheEventIs) {
  const grpc::Status status = Publish(JsonRequest(7));
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.event_id(), "00000000-0000-4000-8000-000000000007");
  EXPECT_EQ(response_.topic(), "document-events");
  EXPECT_EQ(response_.offset(), 0);
}

TEST_F(PublishTest, TheCallsTraceparentBecomesAHeader) {
  context_.AddMetadata("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  ASSERT_TRUE(Publish(JsonRequest(1)).ok());
  EXPECT_EQ(bus_.kafka().produced().at(0).headers.at(1).value,
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

TEST_F(PublishTest, ARefusalCarriesItsReasonInTheDetails) {
  v1::PublishRequest request;
  request.set_json("{}");
  const grpc::Status status = Publish(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "EVENT_INVALID");
}

TEST_F(PublishTest, ARequestOverFourMegabytesIsAnsweredByUs) {
  v1::PublishRequest request;
  request.set_json(std::string((4 << 20) + 1, ' '));
  const grpc::Status status = Publish(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "REQUEST_INVALID");
  EXPECT_THAT(status.error_message(), HasSubstr("at most 4194304"));
}

TEST_F(PublishTest, ManyLongViolationsStillReachTheClient) {
  v1::PublishRequest request = JsonRequest(1);
  for (int i = 0; i < 64; ++i) request.add_headers()->set_key("eventbus-" + std::string(200, 'x'));
  const grpc::Status status = Publish(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  EXPECT_EQ(ReasonOf(status), "REQUEST_INVALID");
}

TEST_F(PublishTest, AnEmptyRequestIsAnsweredToo) {
  EXPECT_EQ(ReasonOf(Publish(v1::PublishRequest())), "REQUEST_INVALID");
}

TEST_F(PublishTest, WithoutAReportItIsAnsweredBeforeTheDeadlineWithItsDetails) {
  bus_.kafka().HoldDeliveries();
  context_.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(400));
  const grpc::Status status = Publish(JsonRequest(1));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(ReasonOf(status), "PUBLISH_OUTCOME_UNKNOWN");
  bus_.kafka().Deliver(kafka::Position{0, 0});  // The late report harms nobody.
}

TEST_F(PublishTest, ACancelledCallIsStillWritten) {
  bus_.kafka().HoldDeliveries();
  std::thread canceller([this] {
    while (bus_.kafka().produced().empty()) std::this_thread::yield();
    context_.TryCancel();
  });
  EXPECT_EQ(Publish(JsonRequest(1)).error_code(), grpc::StatusCode::CANCELLED);
  canceller.join();
  EXPECT_EQ(bus_.kafka().produced().size(), 1u);
  bus_.kafka().Deliver(kafka::Position{0, 0});
}

}  // namespace
}  // namespace eventbus::rpc
