// Acknowledge, over a real connection to a server in this process.
#include "server/rpc/acknowledge_reactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/in_process_bus.h"
#include "tests/unit/rpc/fake_target.h"
#include "tests/unit/rpc/publish_support.h"

namespace eventbus::rpc {
namespace {

using testing::HasSubstr;

v1::AcknowledgeRequest Request(const std::vector<std::string>& tokens) {
  v1::AcknowledgeRequest request;
  for (const std::string& token : tokens) request.add_ack_tokens(token);
  return request;
}

class AcknowledgeTest : public testing::Test {
 protected:
  grpc::Status Acknowledge(const v1::AcknowledgeRequest& request) {
    return bus_.stub().Acknowledge(&context_, request, &response_);
  }

  fakes::InProcessBus bus_;
  std::shared_ptr<FakeTarget> target_ = FakeTarget::Enter(bus_.acks());
  grpc::ClientContext context_;
  v1::AcknowledgeResponse response_;
};

TEST_F(AcknowledgeTest, WithoutErrorsEverythingIsSettled) {
  const auto other = FakeTarget::Enter(bus_.acks());
  const grpc::Status status =
      Acknowledge(Request({target_->Token(3), other->Token(9), target_->Token(1)}));
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.errors_size(), 0);
  EXPECT_EQ(target_->settled(), (std::vector<std::uint64_t>{3, 1}));
  EXPECT_EQ(other->settled(), (std::vector<std::uint64_t>{9}));
}

TEST_F(AcknowledgeTest, TokensThatFailComeInTheirOrderAndTheOthersAreSettled) {
  target_->Refuse(1);
  const std::string gone = FakeTarget::Enter(bus_.acks())->Token(1);
  ASSERT_TRUE(Acknowledge(Request({gone, target_->Token(0), "hello", target_->Token(1)})).ok());
  ASSERT_EQ(response_.errors_size(), 3);
  EXPECT_EQ(response_.errors(0).ack_token(), gone);
  EXPECT_EQ(response_.errors(0).reason(), v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED);
  EXPECT_EQ(response_.errors(1).ack_token(), "hello");
  EXPECT_EQ(response_.errors(1).reason(), v1::ERROR_REASON_ACK_TOKEN_INVALID);
  EXPECT_EQ(response_.errors(2).ack_token(), target_->Token(1));
  EXPECT_EQ(response_.errors(2).reason(), v1::ERROR_REASON_ACK_TOKEN_EXPIRED);
  EXPECT_THAT(response_.errors(2).message(), HasSubstr("delivered again since"));
  EXPECT_EQ(target_->settled(), (std::vector<std::uint64_t>{0, 1}));
}

TEST_F(AcknowledgeTest, RetriesAndDeadLettersAreHandedOnWithWhatTheySay) {
  v1::AcknowledgeRequest request = Request({target_->Token(3)});
  request.add_retries()->set_ack_token(target_->Token(4));
  v1::Retry& retry = *request.add_retries();
  retry.set_ack_token(target_->Token(5));
  retry.mutable_delay()->set_seconds(2);
  v1::DeadLetter& letter = *request.add_dead_letters();
  letter.set_ack_token(target_->Token(6));
  letter.set_reason("cannot be read");
  const grpc::Status status = Acknowledge(request);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(target_->settled(), (std::vector<std::uint64_t>{3}));
  EXPECT_EQ(target_->others(),
            (std::vector<std::string>{"retry 4 1h", "retry 5 2s", "dead letter 6 cannot be read"}));
  ASSERT_EQ(response_.errors_size(), 1);
  EXPECT_EQ(response_.errors(0).ack_token(), target_->Token(6));
  EXPECT_EQ(response_.errors(0).reason(), v1::ERROR_REASON_DEAD_LETTER_DISABLED);
}

TEST_F(AcknowledgeTest, TenThousandViolationsAreRefusedInAStatusThatAClientTakes) {
  v1::AcknowledgeRequest request;
  for (int i = 0; i < 10'000; ++i) request.add_retries()->mutable_delay()->set_seconds(-1);
  const grpc::Status status = Acknowledge(request);
  EXPECT_EQ(ReasonOf(status), "REQUEST_INVALID");
  EXPECT_THAT(status.error_message(), HasSubstr("retries[0].delay: -1s, 0s to 10m are allowed"));
}

TEST_F(AcknowledgeTest, ARequestOutOfItsBoundsIsRefusedAndSettlesNothing) {
  v1::AcknowledgeRequest request;
  for (std::uint64_t i = 0; i <= 10'000; ++i) request.add_ack_tokens(target_->Token(i));
  const grpc::Status status = Acknowledge(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "REQUEST_INVALID");
  EXPECT_THAT(status.error_message(), HasSubstr("ack_tokens: 10001 tokens, 1 to 10000"));
  EXPECT_TRUE(target_->settled().empty());
}

TEST_F(AcknowledgeTest, AFieldThatIsNotKnownIsRefusedAndSettlesNothing) {
  v1::AcknowledgeRequest request = Request({target_->Token(1)});
  request.GetReflection()->MutableUnknownFields(&request)->AddVarint(99, 1);
  EXPECT_EQ(ReasonOf(Acknowledge(request)), "UNKNOWN_FIELD");
  EXPECT_TRUE(target_->settled().empty());
}

TEST_F(AcknowledgeTest, TenThousandErrorsReachAClientOfDefaultLimits) {
  v1::AcknowledgeRequest request;
  for (int i = 0; i < 10'000; ++i) request.add_ack_tokens(std::string(400, 'x'));
  const grpc::Status status = Acknowledge(request);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.errors_size(), 10'000);
}

TEST_F(AcknowledgeTest, IsServedWhileTheServerDrains) {
  bus_.streams().Drain(absl::Seconds(30));
  bus_.publisher().Drain();
  const grpc::Status status = Acknowledge(Request({target_->Token(5)}));
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(target_->settled(), (std::vector<std::uint64_t>{5}));
}

TEST_F(AcknowledgeTest, WaitsForEveryStream) {
  target_->Hold();
  target_->Refuse(1);
  const auto other = FakeTarget::Enter(bus_.acks());
  std::thread releaser([this, other] {
    target_->WaitUntilAsked();
    other->WaitUntilAsked();
    target_->Release();
  });
  ASSERT_TRUE(Acknowledge(Request({target_->Token(1), other->Token(1)})).ok());
  releaser.join();
  ASSERT_EQ(response_.errors_size(), 1);
  EXPECT_EQ(response_.errors(0).ack_token(), target_->Token(1));
}

TEST_F(AcknowledgeTest, WithoutAnAnswerItIsAnsweredBeforeTheDeadlineInOurWords) {
  target_->Hold();
  context_.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(400));
  const grpc::Status status = Acknowledge(Request({target_->Token(1)}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(status.error_message(), HasSubstr("send the acknowledgement again"));
  target_->Release();  // The late answer harms nobody.
}

TEST_F(AcknowledgeTest, ACancelledCallStillSettles) {
  target_->Hold();
  std::thread canceller([this] {
    target_->WaitUntilAsked();
    context_.TryCancel();
  });
  const grpc::Status status = Acknowledge(Request({target_->Token(1)}));
  canceller.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(target_->settled(), (std::vector<std::uint64_t>{1}));
  target_->Release();
}

TEST_F(AcknowledgeTest, AStreamThatGoesMeanwhileAnswersForItself) {
  target_->Hold();
  const std::string token = target_->Token(1);
  std::thread ender([this] {
    target_->WaitUntilAsked();
    target_.reset();
  });
  ASSERT_TRUE(Acknowledge(Request({token})).ok());
  ender.join();
  ASSERT_EQ(response_.errors_size(), 1);
  EXPECT_EQ(response_.errors(0).reason(), v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED);
}

TEST_F(AcknowledgeTest, ManyCallsAtOnceAreAnsweredEachWithItsOwn) {
  constexpr int kCallers = 8;
  constexpr std::uint64_t kCalls = 50;
  target_->Refuse(7);
  std::vector<std::thread> callers;
  std::vector<int> refused(kCallers, 0);
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([this, &mine = refused[static_cast<std::size_t>(caller)]] {
      for (std::uint64_t i = 0; i < kCalls; ++i) {
        grpc::ClientContext context;
        v1::AcknowledgeResponse response;
        ASSERT_TRUE(
            bus_.stub().Acknowledge(&context, Request({target_->Token(i % 10)}), &response).ok());
        ASSERT_EQ(response.errors_size(), i % 10 == 7 ? 1 : 0);
        mine += response.errors_size();
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(refused, std::vector<int>(kCallers, 5));
  EXPECT_EQ(target_->settled().size(), kCallers * kCalls);
}

}  // namespace
}  // namespace eventbus::rpc
