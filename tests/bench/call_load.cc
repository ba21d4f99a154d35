#include "tests/bench/call_load.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/generic/generic_stub.h"
#include "tests/bench/count.h"
#include "tests/bench/sample.h"

namespace eventbus::bench {
namespace {

constexpr std::chrono::seconds kDeadline(60);

class Loop;

// One of the calls under way; the next one takes its place.
class Slot {
 public:
  explicit Slot(Loop& loop) : loop_(loop) {}

  void Start(const grpc::ByteBuffer& request);
  absl::StatusOr<std::int64_t> Finished();
  absl::Duration latency() const { return absl::Now() - begin_; }

 private:
  Loop& loop_;
  absl::Time begin_;
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
};

class Loop {
 public:
  Loop(const std::shared_ptr<grpc::Channel>& channel, const Calls& calls, Budget budget)
      : calls_(calls), stub_(channel), budget_(budget) {}

  ~Loop() {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  absl::StatusOr<Measurement> Run(int outstanding) {
    std::vector<std::unique_ptr<Slot>> slots;
    for (int i = 0; i < outstanding; ++i) {
      slots.push_back(std::make_unique<Slot>(*this));
      StartNext(*slots.back());
    }
    absl::Status status;
    for (void* tag = nullptr; under_way_ > 0;) {
      bool ok = false;
      queue_.Next(&tag, &ok);
      --under_way_;
      status.Update(Take(*static_cast<Slot*>(tag)));
      if (status.ok()) StartNext(*static_cast<Slot*>(tag));
    }
    if (!status.ok()) return status;
    result_.elapsed = budget_.elapsed();
    result_.p50 = latencies_.Percentile(0.5);
    result_.p99 = latencies_.Percentile(0.99);
    return result_;
  }

  grpc::CompletionQueue& queue() { return queue_; }
  grpc::GenericStub& stub() { return stub_; }
  const Calls& calls() const { return calls_; }

 private:
  void StartNext(Slot& slot) {
    if (!budget_.Take(calls_.events_per_request)) return;
    ++under_way_;
    slot.Start(calls_.requests[next_++ % calls_.requests.size()]);
  }

  absl::Status Take(Slot& slot) {
    latencies_.Add(slot.latency());
    const auto events = slot.Finished();
    if (!events.ok()) return events.status();
    if (*events != calls_.events_per_request) {
      return absl::DataLossError(
          absl::StrCat(calls_.method, ": ", *events, " answered of ", calls_.events_per_request));
    }
    result_.events += *events;
    return absl::OkStatus();
  }

  const Calls& calls_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  Budget budget_;
  Measurement result_;
  Latencies latencies_;
  std::size_t next_ = 0;
  int under_way_ = 0;
};

void Slot::Start(const grpc::ByteBuffer& request) {
  begin_ = absl::Now();
  context_.emplace();
  context_->set_deadline(std::chrono::system_clock::now() + kDeadline);
  context_->set_wait_for_ready(true);
  reader_ =
      loop_.stub().PrepareUnaryCall(&*context_, loop_.calls().method, request, &loop_.queue());
  reader_->StartCall();
  response_.Clear();
  reader_->Finish(&response_, &status_, this);
}

absl::StatusOr<std::int64_t> Slot::Finished() {
  if (status_.ok()) return loop_.calls().count(response_);
  return absl::UnavailableError(
      absl::StrCat(loop_.calls().method, ": ", status_.error_code(), " ", status_.error_message()));
}

}  // namespace

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

Calls PublishCalls() {
  return {"/eventbus.v1.EventBusService/Publish", UnaryRequests(), 1,
          [](const grpc::ByteBuffer& response) -> absl::StatusOr<std::int64_t> {
            if (response.Length() == 0) return absl::DataLossError("an empty answer");
            return 1;
          }};
}

Calls BatchCalls(int events) {
  return {"/eventbus.v1.EventBusService/PublishBatch", BatchRequests(events), events,
          CountPublished};
}

absl::StatusOr<Measurement> RunCalls(const std::shared_ptr<grpc::Channel>& channel,
                                     const Calls& calls, int outstanding, Budget budget) {
  return Loop(channel, calls, budget).Run(outstanding);
}

}  // namespace eventbus::bench
