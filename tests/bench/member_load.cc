#include "tests/bench/member_load.h"

#include <deque>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/generic/generic_stub.h"
#include "tests/bench/count.h"
#include "tests/bench/sample.h"

namespace eventbus::bench {
namespace {

constexpr char kSubscribe[] = "/eventbus.v1.EventBusService/Subscribe";
constexpr char kConsume[] = "/eventbus.v1.EventBusService/Consume";
constexpr char kAcknowledge[] = "/eventbus.v1.EventBusService/Acknowledge";
constexpr std::chrono::seconds kDeadline(60);

absl::Status ErrorOf(const char* method, const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(method, ": ", status.error_code(), " ", status.error_message()));
}

void SetUp(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  context.set_wait_for_ready(true);
}

// An Acknowledge under way.
struct Call {
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
  grpc::ByteBuffer response;
  grpc::Status status;
  absl::Time begin;
};

class Member {
 public:
  Member(const std::shared_ptr<grpc::Channel>& channel, Settle settle)
      : settle_(settle), stub_(channel) {
    SetUp(context_);
  }

  ~Member() {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  absl::StatusOr<Measurement> Run(const v1::SubscribeRequest& request) {
    call_ = stub_.PrepareCall(&context_, consumes() ? kConsume : kSubscribe, &queue_);
    call_->StartCall(&start_);
    to_write_.push_back(First(request));
    void* tag = nullptr;
    bool ok = false;
    while ((!finished_ || writing_ || !calls_.empty()) && queue_.Next(&tag, &ok)) On(tag, ok);
    error_.Update(ErrorOf(consumes() ? kConsume : kSubscribe, status_));
    if (error_.ok() && !sent_.empty()) error_ = absl::DataLossError("batches without an answer");
    if (!error_.ok()) return error_;
    result_.elapsed = last_ - started_;
    result_.p50 = latencies_.Percentile(0.5);
    result_.p99 = latencies_.Percentile(0.99);
    return result_;
  }

 private:
  bool consumes() const { return settle_ == Settle::kByConsume; }

  grpc::ByteBuffer First(const v1::SubscribeRequest& request) const {
    if (!consumes()) return ToByteBuffer(request.SerializeAsString());
    v1::ConsumeRequest first;
    *first.mutable_subscribe() = request;
    return ToByteBuffer(first.SerializeAsString());
  }

  // What `tag` stands for is done.
  void On(void* tag, bool ok) {
    if (tag == &start_) return ok ? Begin() : Finish();
    if (tag == &write_) {
      writing_ = false;
      return WriteNext();
    }
    if (tag == &read_) return OnRead(ok);
    if (tag == &finish_) {
      finished_ = true;
      return;
    }
    OnAnswer(static_cast<Call*>(tag));
  }

  void Begin() {
    WriteNext();
    call_->Read(&response_, &read_);
  }

  void Finish() { call_->Finish(&status_, &finish_); }

  void WriteNext() {
    if (writing_ || finished_ || to_write_.empty()) return;
    writing_ = true;
    const grpc::ByteBuffer message = std::exchange(to_write_.front(), {});
    to_write_.pop_front();
    if (consumes()) return call_->Write(message, &write_);
    call_->WriteLast(message, grpc::WriteOptions(), &write_);
  }

  void OnRead(bool ok) {
    if (!ok) return Finish();
    if (absl::Status status = Take(); !status.ok()) Fail(std::move(status));
    response_.Clear();
    call_->Read(&response_, &read_);
  }

  void Fail(absl::Status status) {
    error_.Update(std::move(status));
    context_.TryCancel();
  }

  absl::Status Take() {
    const auto delivery = consumes() ? CountConsumed(response_) : CountDelivered(response_);
    if (!delivery.ok()) return delivery.status();
    if (delivery->acknowledged) return TakeAnswer();
    if (delivery->started) started_ = absl::Now();
    if (delivery->events == 0) return absl::OkStatus();
    last_ = absl::Now();
    result_.events += delivery->events;
    if (settle_ == Settle::kNever) return absl::OkStatus();
    return SettleBatch(*delivery);
  }

  absl::Status TakeAnswer() {
    if (sent_.empty()) return absl::DataLossError("an answer to nothing");
    Answered(sent_.front());
    sent_.pop_front();
    return absl::OkStatus();
  }

  void Answered(absl::Time begin) {
    last_ = absl::Now();
    latencies_.Add(last_ - begin);
  }

  absl::Status SettleBatch(const Delivery& delivery) {
    v1::ConsumeRequest request;
    v1::AcknowledgeRequest& acknowledge = *request.mutable_acknowledge();
    if (settle_ == Settle::kEvents) {
      const auto tokens = EventTokens(response_);
      if (!tokens.ok()) return tokens.status();
      acknowledge.mutable_ack_tokens()->Add(tokens->begin(), tokens->end());
      if (acknowledge.ack_tokens_size() != delivery.events) {
        return absl::DataLossError("events without a token");
      }
    } else {
      acknowledge.add_ack_tokens(delivery.ack_token);
    }
    if (!consumes()) {
      Acknowledge(acknowledge.SerializeAsString());
      return absl::OkStatus();
    }
    sent_.push_back(absl::Now());
    to_write_.push_back(ToByteBuffer(request.SerializeAsString()));
    WriteNext();
    return absl::OkStatus();
  }

  void Acknowledge(const std::string& request) {
    auto call = std::make_unique<Call>();
    SetUp(call->context);
    call->begin = absl::Now();
    call->reader =
        stub_.PrepareUnaryCall(&call->context, kAcknowledge, ToByteBuffer(request), &queue_);
    call->reader->StartCall();
    call->reader->Finish(&call->response, &call->status, call.get());
    calls_.emplace(call.get(), std::move(call));
  }

  void OnAnswer(Call* call) {
    absl::Status status = ErrorOf(kAcknowledge, call->status);
    if (status.ok()) status = CheckAcknowledged(call->response);
    Answered(call->begin);
    calls_.erase(call);
    if (!status.ok()) Fail(std::move(status));
  }

  const Settle settle_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  // Their addresses are the tags of the stream's operations.
  char start_ = 0;
  char write_ = 0;
  char read_ = 0;
  char finish_ = 0;
  bool writing_ = false;
  bool finished_ = false;
  std::deque<grpc::ByteBuffer> to_write_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
  absl::Status error_;
  absl::flat_hash_map<Call*, std::unique_ptr<Call>> calls_;
  // When each acknowledgement of Consume without an answer was made.
  std::deque<absl::Time> sent_;
  absl::Time started_;
  absl::Time last_;
  Latencies latencies_;
  Measurement result_;
};

}  // namespace

absl::StatusOr<Measurement> RunMember(const std::shared_ptr<grpc::Channel>& channel,
                                      const v1::SubscribeRequest& request, Settle settle) {
  return Member(channel, settle).Run(request);
}

}  // namespace eventbus::bench
