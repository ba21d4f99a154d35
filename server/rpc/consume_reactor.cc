#include "server/rpc/consume_reactor.h"

#include <utility>
#include <vector>

#include "grpcpp/server_context.h"
#include "server/base/error.h"
#include "server/rpc/acknowledgement.h"
#include "server/rpc/bytes.h"
#include "server/rpc/unknown_fields.h"
#include "server/wire/proto_append.h"

namespace eventbus::rpc {
namespace {

// Field numbers of ConsumeResponse; consume_reactor_test holds them to the descriptor.
constexpr std::uint32_t kDelivery = 1;
constexpr std::uint32_t kAcknowledged = 2;

absl::Status Invalid(const char* field, const char* what) {
  return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID, {{field, what}});
}

absl::StatusOr<v1::ConsumeRequest> Parse(absl::string_view bytes) {
  v1::ConsumeRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Invalid("request", "not a ConsumeRequest: its bytes are not protobuf");
  }
  if (absl::Status status = RefuseUnknownFields(request); !status.ok()) return status;
  return request;
}

std::string AnswerBytes(const std::vector<bus::AckError>& errors) {
  std::string answer;
  wire::AppendBytes(kAcknowledged, AcknowledgeResponseBytes(errors), answer);
  return answer;
}

}  // namespace

std::shared_ptr<ConsumeReactor> ConsumeReactor::Make(grpc::CallbackServerContext* context,
                                                     bus::AckRegistry& acks, Executor& timers,
                                                     const Clock& clock, OnDoneFn on_done) {
  std::shared_ptr<ConsumeReactor> reactor(
      new ConsumeReactor(context, acks, timers, clock, std::move(on_done)));
  reactor->Hold();
  reactor->StartSendInitialMetadata();
  return reactor;
}

ConsumeReactor::ConsumeReactor(grpc::CallbackServerContext* context, bus::AckRegistry& acks,
                               Executor& timers, const Clock& clock, OnDoneFn on_done)
    : DeliverySink(context, timers, clock, std::move(on_done)), context_(context), acks_(acks) {}

void ConsumeReactor::Start(BeginFn begin) {
  begin_ = std::move(begin);
  ReadOn();
}

// What is being begun is drained once it has.
void ConsumeReactor::Drain(absl::Duration remaining) {
  {
    MutexLock lock(mu_);
    drain_ = remaining;
    if (state_ == State::kBeginning) return;
  }
  if (const auto begun = subscription()) return begun->Drain(remaining);
  Close(MakeRetryError(v1::ERROR_REASON_SERVER_DRAINING, "the server is shutting down"), {});
}

void ConsumeReactor::Wake() {
  if (const auto begun = subscription()) begun->Wake();
}

void ConsumeReactor::OnReadDone(bool ok) {
  // gRPC knows by now; OnCancel follows.
  if (!ok && context_->IsCancelled()) return;
  const absl::Status status = ok ? Take() : absl::OkStatus();
  if (ok && status.ok()) {
    {
      MutexLock lock(mu_);
      reading_ = false;
    }
    return ReadOn();
  }
  if (status.ok() && subscription() == nullptr) {
    return EndOfRequests(Invalid("subscribe", "not sent before the end of the requests"));
  }
  EndOfRequests(status);
}

// Only in reactions, and before the call's method returns: gRPC is not done with the call
// meanwhile.
void ConsumeReactor::ReadOn() {
  {
    MutexLock lock(mu_);
    if (reading_ || !MayRead()) return;
    reading_ = true;
  }
  StartRead(&request_);
}

// Not OK: the message is refused.
absl::Status ConsumeReactor::Take() {
  const RequestBytes bytes(request_);
  request_.Clear();
  auto request = Parse(bytes.view());
  if (!request.ok()) return request.status();
  switch (request->message_case()) {
    case v1::ConsumeRequest::kSubscribe:
      return Subscribe(request->subscribe());
    case v1::ConsumeRequest::kAcknowledge:
      return Acknowledge(*request->mutable_acknowledge(), bytes.view().size());
    default:
      return Invalid("message", "not set, subscribe or acknowledge is required");
  }
}

absl::Status ConsumeReactor::Subscribe(const v1::SubscribeRequest& request) {
  {
    MutexLock lock(mu_);
    if (state_ != State::kWaiting) {
      return Invalid("subscribe", "sent again, allowed as the first message only");
    }
    state_ = State::kBeginning;
  }
  auto begun = begin_(request, shared_from_this());
  absl::optional<absl::Duration> drain;
  {
    MutexLock lock(mu_);
    state_ = State::kServing;
    drain = drain_;
  }
  if (begun.ok() && drain.has_value()) (*begun)->Drain(*drain);
  return begun.status();
}

absl::Status ConsumeReactor::Acknowledge(v1::AcknowledgeRequest& request, std::size_t bytes) {
  if (subscription() == nullptr) {
    return Invalid("acknowledge", "sent before subscribe, which is the first message");
  }
  auto asked = ReadAcknowledge(request, "acknowledge.");
  if (!asked.ok()) return asked.status();
  const auto self = std::static_pointer_cast<ConsumeReactor>(shared_from_this());
  acks_.Settle(*std::move(asked),
               [self, id = Expect(bytes)](const std::vector<bus::AckError>& errors) {
                 self->Answer(id, AnswerBytes(errors));
               });
  return absl::OkStatus();
}

bus::Message ConsumeReactor::Frame(bus::Message delivery) {
  std::size_t bytes = 0;
  for (const bus::Slice& part : delivery) bytes += part.size;
  std::string prefix;
  wire::AppendPrefix(kDelivery, bytes, prefix);
  delivery.insert(delivery.begin(), std::make_shared<const std::string>(std::move(prefix)));
  return delivery;
}

}  // namespace eventbus::rpc
