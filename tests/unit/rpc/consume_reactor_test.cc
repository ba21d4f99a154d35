// Consume, over a real connection to a server in this process, with a subscription that does as it
// is told.
#include "server/rpc/consume_reactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "eventbus/v1/event_bus_service.grpc.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "server/base/error.h"
#include "tests/unit/rpc/fake_target.h"
#include "tests/unit/rpc/publish_support.h"

namespace eventbus::rpc {
namespace {

using testing::HasSubstr;

template <typename Condition>
void WaitUntil(const Condition& condition) {
  while (!condition()) std::this_thread::yield();
}

bus::Message Heartbeat(int lag) {
  v1::SubscribeResponse message;
  message.mutable_heartbeat()->add_lags()->set_lag(lag);
  const std::string bytes = message.SerializeAsString();
  // In two parts, as deliveries come.
  return {std::make_shared<const std::string>(bytes.substr(0, 1)),
          std::make_shared<const std::string>(bytes.substr(1))};
}

// Remembers what it is told, and ends with OK at a half-close unless it is held. Thread-safe.
class FakeSubscription final : public bus::Subscription {
 public:
  explicit FakeSubscription(std::shared_ptr<DeliverySink> sink) : sink_(std::move(sink)) {}

  bool Send(int lag) { return sink_->Write(Heartbeat(lag)); }
  void Close(const absl::Status& status, std::vector<bus::Message> last = {}) {
    sink_->Close(status, std::move(last));
  }
  // Writes one message after the other from now on.
  void Flood() {
    flooding_ = true;
    Send(-1);
  }
  void HoldHalfClose() { hold_ = true; }

  void Start() override {}
  void OnWritten() override {
    if (flooding_) Send(-1);
    ++written;
  }
  void OnGone() override { ++gone; }
  void OnDeadline() override { ++deadlines; }
  void OnHalfClose() override {
    ++half_closes;
    flooding_ = false;
    if (!hold_) Close(absl::OkStatus());
  }
  void Drain(absl::Duration) override { ++drains; }
  void Wake() override { ++wakes; }

  std::atomic<int> written{0};
  std::atomic<int> gone{0};
  std::atomic<int> deadlines{0};
  std::atomic<int> half_closes{0};
  std::atomic<int> drains{0};
  std::atomic<int> wakes{0};

 private:
  const std::shared_ptr<DeliverySink> sink_;
  std::atomic<bool> flooding_{false};
  std::atomic<bool> hold_{false};
};

// A server of Consume alone, on a free port.
class ConsumeServer final
    : public v1::EventBusService::WithRawCallbackMethod_Consume<v1::EventBusService::Service> {
 public:
  ConsumeServer() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    builder.SetMaxReceiveMessageSize(5 << 20);
    server_ = builder.BuildAndStart();
    channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                  grpc::InsecureChannelCredentials());
    stub = v1::EventBusService::NewStub(channel);
  }
  ~ConsumeServer() override {
    WaitUntil([this] { return ended == begun_calls; });
    server_->Shutdown();
    executor_->Stop();
  }

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Consume(
      grpc::CallbackServerContext* context) override {
    ++begun_calls;
    auto reactor = ConsumeReactor::Make(context, acks, *executor_, Clock::System(),
                                        [this](const absl::Status& status) {
                                          {
                                            MutexLock lock(mu_);
                                            last_status_ = status;
                                          }
                                          ++ended;
                                        });
    {
      MutexLock lock(mu_);
      reactor_ = reactor;
    }
    reactor->Start(
        [this](const v1::SubscribeRequest& request, const std::shared_ptr<DeliverySink>& sink)
            -> absl::StatusOr<std::shared_ptr<bus::Subscription>> {
          if (on_begin) on_begin();
          if (request.client_id() == "refused") return refusal;
          auto subscription = std::make_shared<FakeSubscription>(sink);
          sink->SetSubscription(subscription);
          sink->OnSubscriptionStarted();
          MutexLock lock(mu_);
          subscription_ = subscription;
          return subscription;
        });
    return reactor.get();
  }

  // Of the last call.
  std::shared_ptr<FakeSubscription> subscription() {
    std::shared_ptr<FakeSubscription> found;
    WaitUntil([&] {
      MutexLock lock(mu_);
      found = std::exchange(subscription_, nullptr);
      return found != nullptr;
    });
    return found;
  }
  std::shared_ptr<ConsumeReactor> reactor() {
    MutexLock lock(mu_);
    return std::exchange(reactor_, nullptr);
  }
  absl::Status last_status() {
    MutexLock lock(mu_);
    return last_status_;
  }

  bus::AckRegistry acks;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::EventBusService::Stub> stub;
  std::function<void()> on_begin;
  absl::Status refusal;
  std::atomic<int> begun_calls{0};
  std::atomic<int> ended{0};

 private:
  std::unique_ptr<Executor> executor_ = MakeThreadPool("test", 2);
  Mutex mu_;
  std::shared_ptr<FakeSubscription> subscription_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<ConsumeReactor> reactor_ ABSL_GUARDED_BY(mu_);
  absl::Status last_status_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<grpc::Server> server_;
};

v1::ConsumeRequest SubscribeMessage(const std::string& client_id = "") {
  v1::ConsumeRequest request;
  request.mutable_subscribe()->set_client_id(client_id);
  return request;
}

v1::ConsumeRequest AckMessage(const std::vector<std::string>& tokens) {
  v1::ConsumeRequest request;
  auto& tokens_asked = *request.mutable_acknowledge();
  for (const std::string& token : tokens) tokens_asked.add_ack_tokens(token);
  return request;
}

// One Consume call.
class Call {
 public:
  explicit Call(ConsumeServer& server, absl::Duration timeout = absl::InfiniteDuration()) {
    if (timeout != absl::InfiniteDuration()) {
      context_.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
    }
    stream_ = server.stub->Consume(&context_);
  }

  bool Send(const v1::ConsumeRequest& request) { return stream_->Write(request); }
  bool Next() { return stream_->Read(&response); }
  void HalfClose() { stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }
  grpc::Status Finish() {
    while (Next()) {
    }
    return stream_->Finish();
  }

  v1::ConsumeResponse response;

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ConsumeRequest, v1::ConsumeResponse>> stream_;
};

class ConsumeReactorTest : public testing::Test {
 protected:
  // A call that is served.
  std::shared_ptr<FakeSubscription> Begin(Call& call) {
    EXPECT_TRUE(call.Send(SubscribeMessage()));
    return server_.subscription();
  }

  ConsumeServer server_;
  std::shared_ptr<FakeTarget> target_ = FakeTarget::Enter(server_.acks);
};

TEST_F(ConsumeReactorTest, WhatTheSubscriptionWritesComesAsADelivery) {
  Call call(server_);
  const auto subscription = Begin(call);
  ASSERT_TRUE(subscription->Send(7));
  ASSERT_TRUE(call.Next());
  EXPECT_EQ(call.response.delivery().heartbeat().lags(0).lag(), 7);
  EXPECT_TRUE(call.response.GetReflection()->GetUnknownFields(call.response).empty());
  WaitUntil([&] { return subscription->written == 1; });
  subscription->Close(absl::AbortedError("enough"), {Heartbeat(8)});
  ASSERT_TRUE(call.Next());
  EXPECT_EQ(call.response.delivery().heartbeat().lags(0).lag(), 8);
  const grpc::Status status = call.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(status.error_message(), "enough");
}

TEST_F(ConsumeReactorTest, EachAcknowledgementIsAnsweredInTheOrderOfTheRequests) {
  const auto other = FakeTarget::Enter(server_.acks);
  target_->Hold();
  target_->Refuse(1);
  Call call(server_);
  Begin(call);
  ASSERT_TRUE(call.Send(AckMessage({target_->Token(1)})));
  ASSERT_TRUE(call.Send(AckMessage({"hello", other->Token(2)})));
  ASSERT_TRUE(call.Send(AckMessage({other->Token(3)})));
  WaitUntil([&] { return other->settled().size() == 2; });
  target_->Release();
  ASSERT_TRUE(call.Next());
  ASSERT_EQ(call.response.acknowledged().errors_size(), 1);
  EXPECT_EQ(call.response.acknowledged().errors(0).ack_token(), target_->Token(1));
  ASSERT_TRUE(call.Next());
  ASSERT_EQ(call.response.acknowledged().errors_size(), 1);
  EXPECT_EQ(call.response.acknowledged().errors(0).ack_token(), "hello");
  ASSERT_TRUE(call.Next());
  ASSERT_TRUE(call.response.has_acknowledged());
  EXPECT_EQ(call.response.acknowledged().errors_size(), 0);
  call.HalfClose();
  EXPECT_TRUE(call.Finish().ok());
}

TEST_F(ConsumeReactorTest, AHalfCloseIsOneAndEndsWithOkAfterTheAnswers) {
  target_->Hold();
  Call call(server_);
  const auto subscription = Begin(call);
  ASSERT_TRUE(call.Send(AckMessage({target_->Token(1)})));
  call.HalfClose();
  WaitUntil([&] { return subscription->half_closes == 1; });
  target_->Release();
  ASSERT_TRUE(call.Next());
  EXPECT_TRUE(call.response.has_acknowledged());
  EXPECT_TRUE(call.Finish().ok());
  WaitUntil([&] { return server_.ended == 1; });
  EXPECT_EQ(subscription->deadlines, 0);
  EXPECT_TRUE(server_.last_status().ok());
}

// A crash that is taken for a half-close would never count as one, and the other way round.
TEST_F(ConsumeReactorTest, ACancelledCallIsNeverTakenForAHalfClose) {
  for (int i = 0; i < 300; ++i) {
    Call call(server_);
    const auto subscription = Begin(call);
    if (i % 3 == 1) subscription->Send(1);
    if (i % 3 == 2) call.Send(AckMessage({target_->Token(1)}));
    call.Cancel();
    EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::CANCELLED);
    WaitUntil([&] { return server_.ended == i + 1; });
    ASSERT_EQ(subscription->half_closes, 0) << i;
    ASSERT_EQ(subscription->gone, 1) << i;
  }
}

TEST_F(ConsumeReactorTest, TheEndAtTheClientsDeadlineIsNoDeathOfTheClient) {
  Call call(server_, absl::Milliseconds(600));
  const auto subscription = Begin(call);
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  WaitUntil([&] { return server_.ended == 1; });
  EXPECT_EQ(subscription->deadlines, 1);
  EXPECT_EQ(subscription->gone, 0);
  EXPECT_EQ(subscription->half_closes, 0);
}

TEST_F(ConsumeReactorTest, AClientThatGoesBeforeItsDeadlineIsGone) {
  Call call(server_, absl::Hours(1));
  const auto subscription = Begin(call);
  call.Cancel();
  WaitUntil([&] { return server_.ended == 1; });
  EXPECT_EQ(subscription->gone, 1);
  EXPECT_EQ(subscription->deadlines, 0);
}

TEST_F(ConsumeReactorTest, AClientThatReadsNoAnswersIsNotReadOn) {
  constexpr std::uint64_t kRequests = 500;
  target_->Hold();
  Call call(server_);
  Begin(call);
  std::thread sender([&] {
    for (std::uint64_t i = 0; i < kRequests; ++i) {
      ASSERT_TRUE(call.Send(AckMessage({target_->Token(i)})));
    }
    call.HalfClose();
  });
  WaitUntil([&] { return target_->settled().size() == 64; });
  // What was written to the stream after them is not taken, however long one waits.
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  EXPECT_EQ(target_->settled().size(), 64u);
  target_->Release();
  std::uint64_t answers = 0;
  while (call.Next()) answers += call.response.has_acknowledged() ? 1 : 0;
  sender.join();
  EXPECT_EQ(answers, kRequests);
  EXPECT_TRUE(call.Finish().ok());
  std::vector<std::uint64_t> in_order(kRequests);
  for (std::uint64_t i = 0; i < kRequests; ++i) in_order[i] = i;
  EXPECT_EQ(target_->settled(), in_order);
}

TEST_F(ConsumeReactorTest, DeliveriesDoNotHoldUpAnswers) {
  Call call(server_);
  const auto subscription = Begin(call);
  subscription->Flood();
  for (std::uint64_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(call.Send(AckMessage({target_->Token(i)})));
    while (call.Next() && !call.response.has_acknowledged()) {
    }
    ASSERT_TRUE(call.response.has_acknowledged());
  }
  call.HalfClose();
  EXPECT_TRUE(call.Finish().ok());
}

// Answers that are there wait for one delivery each at most, and leave room for as many. All are
// there at once, when the first is. A thread that rests between two deliveries lets more answers
// by, so that the best of some calls counts; answers that always went first would leave room for
// none in each.
TEST_F(ConsumeReactorTest, AnswersDoNotHoldUpDeliveries) {
  constexpr std::size_t kAnswers = 50;
  const auto other = FakeTarget::Enter(server_.acks);
  int best = 0;
  for (std::size_t round = 1; round <= 40 && best < 20; ++round) {
    Call call(server_);
    const auto subscription = Begin(call);
    target_->Hold();
    ASSERT_TRUE(call.Send(AckMessage({target_->Token(0)})));
    for (std::uint64_t i = 1; i < kAnswers; ++i) {
      ASSERT_TRUE(call.Send(AckMessage({other->Token(i)})));
    }
    WaitUntil([&] { return other->settled().size() == round * (kAnswers - 1); });
    subscription->Flood();
    while (call.Next() && !call.response.has_delivery()) {
    }
    target_->Release();
    std::size_t answers = 0;
    int deliveries = 0;
    while (answers < kAnswers && call.Next()) {
      if (call.response.has_acknowledged()) {
        ++answers;
      } else if (answers > 0) {
        ++deliveries;
      }
    }
    best = std::max(best, deliveries);
    call.HalfClose();
    EXPECT_TRUE(call.Finish().ok());
  }
  EXPECT_GE(best, 20);
}

struct Refusal {
  const char* name;
  bool begun;  // After a subscribe.
  v1::ConsumeRequest message;
  const char* reason;
  const char* text;
};

v1::ConsumeRequest WithUnknownField() {
  v1::ConsumeRequest request = AckMessage({"a"});
  auto& retry = *request.mutable_acknowledge()->add_retries();
  retry.GetReflection()->MutableUnknownFields(&retry)->AddVarint(99, 1);
  return request;
}

v1::ConsumeRequest WithLongDelay() {
  v1::ConsumeRequest request = AckMessage({"a"});
  request.mutable_acknowledge()->add_retries()->mutable_delay()->set_seconds(601);
  return request;
}

class RefusalTest : public ConsumeReactorTest, public testing::WithParamInterface<Refusal> {};

TEST_P(RefusalTest, EndsTheStreamWithTheReason) {
  Call call(server_);
  const auto subscription = GetParam().begun ? Begin(call) : nullptr;
  if (subscription != nullptr) {
    ASSERT_TRUE(call.Send(AckMessage({target_->Token(1)})));
  }
  ASSERT_TRUE(call.Send(GetParam().message));
  if (subscription != nullptr) {  // What was sent before it is answered.
    ASSERT_TRUE(call.Next());
    EXPECT_TRUE(call.response.has_acknowledged());
  }
  const grpc::Status status = call.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), GetParam().reason);
  EXPECT_THAT(status.error_message(), HasSubstr(GetParam().text));
  if (subscription == nullptr) return;
  WaitUntil([&] { return server_.ended == 1; });
  EXPECT_EQ(subscription->half_closes, 1) << "it ends as with a half-close: nobody has died";
}

INSTANTIATE_TEST_SUITE_P(
    Messages, RefusalTest,
    testing::Values(Refusal{"SubscribeTwice", true, SubscribeMessage(), "REQUEST_INVALID",
                            "subscribe: sent again, allowed as the first message only"},
                    Refusal{"AcknowledgeFirst", false, AckMessage({"a"}), "REQUEST_INVALID",
                            "acknowledge: sent before subscribe"},
                    Refusal{"EmptyFirst", false, v1::ConsumeRequest(), "REQUEST_INVALID",
                            "message: not set, subscribe or acknowledge is required"},
                    Refusal{"EmptyLater", true, v1::ConsumeRequest(), "REQUEST_INVALID",
                            "message: not set, subscribe or acknowledge is required"},
                    Refusal{"NoTokens", true, AckMessage({}), "REQUEST_INVALID",
                            "acknowledge.ack_tokens: 0 tokens, 1 to 10000 are allowed"},
                    Refusal{"Bounds", true, WithLongDelay(), "REQUEST_INVALID",
                            "acknowledge.retries[0].delay: 10m1s, 0s to 10m are allowed"},
                    Refusal{"UnknownField", true, WithUnknownField(), "UNKNOWN_FIELD",
                            "acknowledge.retries[0]: field 99 is not known to this server"}),
    [](const auto& param) { return param.param.name; });

TEST_F(ConsumeReactorTest, AHalfCloseBeforeSubscribeIsRefused) {
  Call call(server_);
  call.HalfClose();
  const grpc::Status status = call.Finish();
  EXPECT_EQ(ReasonOf(status), "REQUEST_INVALID");
  EXPECT_THAT(status.error_message(), HasSubstr("subscribe: not sent"));
}

TEST_F(ConsumeReactorTest, ASubscribeThatIsRefusedEndsTheStreamAsSubscribeWould) {
  server_.refusal = MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away");
  Call call(server_);
  ASSERT_TRUE(call.Send(SubscribeMessage("refused")));
  EXPECT_EQ(ReasonOf(call.Finish()), "KAFKA_UNAVAILABLE");
}

TEST_F(ConsumeReactorTest, WhatTheSubscriptionFailsWithWinsOverARefusedMessage) {
  Call call(server_);
  const auto subscription = Begin(call);
  subscription->HoldHalfClose();
  ASSERT_TRUE(call.Send(SubscribeMessage()));
  WaitUntil([&] { return subscription->half_closes == 1; });
  subscription->Close(absl::AbortedError("worse"));
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::ABORTED);
}

TEST_F(ConsumeReactorTest, BytesThatAreNotProtobufAreRefusedInWords) {
  grpc::GenericStub stub(server_.channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, "/eventbus.v1.EventBusService/Consume", &queue);
  const auto step = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
  };
  call->StartCall(nullptr);
  step();
  const grpc::Slice bytes("\xff");
  call->Write(grpc::ByteBuffer(&bytes, 1), nullptr);
  step();
  grpc::Status status;
  call->Finish(&status, nullptr);
  step();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("request: not a ConsumeRequest"));
}

TEST_F(ConsumeReactorTest, ADrainEndsACallThatHasNotSubscribed) {
  Call call(server_);
  std::shared_ptr<ConsumeReactor> reactor;
  WaitUntil([&] { return (reactor = server_.reactor()) != nullptr; });
  reactor->Wake();  // Nobody there yet.
  reactor->Drain(absl::Seconds(1));
  const grpc::Status status = call.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "SERVER_DRAINING");
}

TEST_F(ConsumeReactorTest, ADrainReachesTheSubscriptionAlsoWhereItIsJustBegun) {
  for (const bool just_begun : {false, true}) {
    Call call(server_);
    std::shared_ptr<ConsumeReactor> reactor;
    WaitUntil([&] { return (reactor = server_.reactor()) != nullptr; });
    const auto drain = [&reactor] { reactor->Drain(absl::Seconds(1)); };
    server_.on_begin = just_begun ? std::function<void()>(drain) : nullptr;
    const auto subscription = Begin(call);
    if (!just_begun) drain();
    WaitUntil([&] { return subscription->drains == 1; });
    reactor->Wake();
    EXPECT_EQ(subscription->wakes, 1);
    // Acknowledgements are taken meanwhile.
    ASSERT_TRUE(call.Send(AckMessage({target_->Token(1)})));
    ASSERT_TRUE(call.Next());
    EXPECT_TRUE(call.response.has_acknowledged());
    subscription->Close(absl::UnavailableError("bye"));
    EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  }
}

TEST_F(ConsumeReactorTest, TenThousandErrorsReachAClientOfDefaultLimits) {
  Call call(server_);
  Begin(call);
  v1::ConsumeRequest request;
  for (int i = 0; i < 10'000; ++i) {
    request.mutable_acknowledge()->add_ack_tokens(std::string(400, 'x'));
  }
  ASSERT_TRUE(call.Send(request));
  ASSERT_TRUE(call.Next());
  EXPECT_EQ(call.response.acknowledged().errors_size(), 10'000);
  call.HalfClose();
  EXPECT_TRUE(call.Finish().ok());
}

TEST_F(ConsumeReactorTest, CallsThatComeAndGoAtOnceLeaveNothingBehind) {
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([this, i] {
      for (int round = 0; round < 50; ++round) {
        Call call(server_);
        if (round % 7 != 0) call.Send(SubscribeMessage());
        for (std::uint64_t ack = 0; ack < 5; ++ack) call.Send(AckMessage({target_->Token(ack)}));
        if (round % 3 == 0) call.Next();
        const bool goes = (round + i) % 2 == 0;
        if (round % 4 == 0) call.Send(AckMessage({}));
        if (round % 4 == 1 || !goes) call.HalfClose();
        if (goes) call.Cancel();
        call.Finish();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  WaitUntil([&] { return server_.ended == server_.begun_calls; });
}

}  // namespace
}  // namespace eventbus::rpc
