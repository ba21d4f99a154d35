#include "tests/bench/readers.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/call_load.h"
#include "tests/bench/count.h"
#include "tests/bench/sample.h"

namespace eventbus::bench {
namespace {

constexpr char kMethod[] = "/eventbus.v1.EventBusService/Subscribe";
constexpr absl::Duration kPause = absl::Microseconds(200);
// Nothing comes for so long: it will not any more.
constexpr absl::Duration kStall = absl::Seconds(30);

}  // namespace

// Its operations are done one after the other, on the thread of the readers.
class Readers::Stream {
 public:
  Stream(grpc::GenericStub& stub, grpc::CompletionQueue& queue, const grpc::ByteBuffer& request)
      : request_(request) {
    context_.set_wait_for_ready(true);
    call_ = stub.PrepareCall(&context_, kMethod, &queue);
    call_->StartCall(this);
  }

  // The operation under way is done.
  void Proceed(bool ok) {
    if (state_ == State::kFinishing) {
      ended_.store(true, std::memory_order_release);
      return;
    }
    if (ok) ok = Take();
    if (ok) return Next();
    state_ = State::kFinishing;
    call_->Finish(&status_, this);
  }

  void Cancel() { context_.TryCancel(); }

  bool started() const { return started_nanos() != 0; }
  std::int64_t started_nanos() const { return started_nanos_.load(std::memory_order_acquire); }
  bool ended() const { return ended_.load(std::memory_order_acquire); }
  std::int64_t events() const { return events_.load(std::memory_order_acquire); }
  std::int64_t last_nanos() const { return last_nanos_.load(std::memory_order_acquire); }

  // Once it has ended.
  absl::Status status() const {
    if (!error_.ok()) return error_;
    if (status_.ok()) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat(kMethod, ": ", status_.error_code(), " ", status_.error_message()));
  }

 private:
  enum class State { kStarting, kWriting, kReading, kFinishing };

  void Next() {
    if (state_ == State::kStarting) {
      state_ = State::kWriting;
      return call_->WriteLast(request_, grpc::WriteOptions(), this);
    }
    state_ = State::kReading;
    call_->Read(&response_, this);
  }

  // Of a response. False where it is not one.
  bool Take() {
    if (state_ != State::kReading) return true;
    const auto delivery = CountDelivered(response_);
    response_.Clear();
    if (!delivery.ok()) {
      error_ = delivery.status();
      context_.TryCancel();
      return false;
    }
    const std::int64_t now = absl::GetCurrentTimeNanos();
    if (delivery->started) started_nanos_.store(now, std::memory_order_release);
    if (delivery->events == 0) return true;
    last_nanos_.store(now, std::memory_order_release);
    events_.store(events() + delivery->events, std::memory_order_release);
    return true;
  }

  const grpc::ByteBuffer request_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  State state_ = State::kStarting;
  grpc::ByteBuffer response_;
  grpc::Status status_;
  absl::Status error_;
  std::atomic<std::int64_t> started_nanos_ = 0;
  std::atomic<bool> ended_ = false;
  std::atomic<std::int64_t> events_ = 0;
  std::atomic<std::int64_t> last_nanos_ = 0;
};

absl::StatusOr<std::unique_ptr<Readers>> Readers::Open(const std::string& address,
                                                       const v1::SubscribeRequest& request,
                                                       int count) {
  std::unique_ptr<Readers> readers(new Readers());
  const grpc::ByteBuffer bytes = ToByteBuffer(request.SerializeAsString());
  for (int i = 0; i < count; ++i) {
    readers->channels_.push_back(Connect(address));
    readers->stubs_.push_back(std::make_unique<grpc::GenericStub>(readers->channels_.back()));
    readers->streams_.push_back(
        std::make_unique<Stream>(*readers->stubs_.back(), readers->queue_, bytes));
  }
  readers->thread_ = std::thread([self = readers.get()] { self->Run(); });
  const auto& streams = readers->streams_;
  absl::Status status = readers->WaitFor("Started", [&streams] {
    return std::all_of(streams.begin(), streams.end(), [](const auto& s) { return s->started(); });
  });
  if (!status.ok()) return status;
  return readers;
}

Readers::~Readers() {
  for (const auto& stream : streams_) stream->Cancel();
  if (thread_.joinable()) thread_.join();
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

void Readers::Run() {
  void* tag = nullptr;
  bool ok = false;
  for (std::size_t open = streams_.size(); open > 0 && queue_.Next(&tag, &ok);) {
    Stream& stream = *static_cast<Stream*>(tag);
    stream.Proceed(ok);
    if (stream.ended()) --open;
  }
}

std::int64_t Readers::slowest() const {
  std::int64_t slowest = streams_.front()->events();
  for (const auto& stream : streams_) slowest = std::min(slowest, stream->events());
  return slowest;
}

absl::Time Readers::started() const {
  std::int64_t last = 0;
  for (const auto& stream : streams_) last = std::max(last, stream->started_nanos());
  return absl::FromUnixNanos(last);
}

absl::Time Readers::last_delivery() const {
  std::int64_t last = 0;
  for (const auto& stream : streams_) last = std::max(last, stream->last_nanos());
  return absl::FromUnixNanos(last);
}

absl::Status Readers::WaitForEach(std::int64_t events) {
  absl::Status status = WaitFor("its events", [this, events] { return slowest() >= events; });
  for (const auto& stream : streams_) {
    if (!status.ok() || stream->events() <= events) continue;
    status = absl::DataLossError(
        absl::StrCat(stream->events(), " events delivered where there are ", events));
  }
  return status;
}

absl::Status Readers::WaitForEnd() {
  absl::Status status = WaitFor("the end", [this] { return AllEnded(); });
  return status.ok() ? FirstError() : status;
}

bool Readers::AllEnded() const {
  return std::all_of(streams_.begin(), streams_.end(), [](const auto& s) { return s->ended(); });
}

absl::Status Readers::FirstError() const {
  for (const auto& stream : streams_) {
    if (stream->ended() && !stream->status().ok()) return stream->status();
  }
  return absl::OkStatus();
}

template <typename Condition>
absl::Status Readers::WaitFor(const char* what, Condition condition) const {
  const absl::Time begin = absl::Now();
  while (!condition()) {
    if (absl::Status status = FirstError(); !status.ok()) return status;
    const bool ended = AllEnded();
    if (absl::Now() - std::max(begin, last_delivery()) > kStall || (ended && !condition())) {
      return absl::DeadlineExceededError(
          absl::StrCat(kMethod, ": waiting for ", what, ", the slowest has ", slowest()));
    }
    absl::SleepFor(kPause);
  }
  return absl::OkStatus();
}

}  // namespace eventbus::bench
