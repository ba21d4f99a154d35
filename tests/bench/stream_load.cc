#include "tests/bench/stream_load.h"

#include <array>
#include <deque>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/generic/generic_stub.h"
#include "tests/bench/count.h"
#include "tests/bench/sample.h"

namespace eventbus::bench {
namespace {

constexpr char kMethod[] = "/eventbus.v1.EventBusService/PublishStream";
constexpr std::chrono::seconds kDeadline(60);

// What all streams share.
struct Load {
  StreamShape shape;
  Budget budget;
  std::vector<grpc::ByteBuffer> messages;
  std::size_t next = 0;
  Latencies latencies = {};
  std::int64_t events = 0;
  absl::Status error = {};
};

// One stream: a write and a read under way, as many messages unanswered as the shape says.
class Stream {
 public:
  enum Operation { kStart, kWrite, kRead, kHalfClose, kFinish };
  // What the queue gives back.
  struct Tag {
    Stream* stream = nullptr;
    Operation operation = kStart;
  };

  Stream(Load& load, grpc::GenericStub& stub, grpc::CompletionQueue& queue) : load_(load) {
    for (std::size_t i = 0; i < tags_.size(); ++i) tags_[i] = {this, static_cast<Operation>(i)};
    context_.set_deadline(std::chrono::system_clock::now() + kDeadline);
    context_.set_wait_for_ready(true);
    call_ = stub.PrepareCall(&context_, kMethod, &queue);
    call_->StartCall(&tags_[kStart]);
  }

  // `operation` is done. Returns whether the stream is over.
  bool On(Operation operation, bool ok) {
    switch (operation) {
      case kStart:
        if (ok) call_->Read(&response_, &tags_[kRead]);
        if (ok) WriteNext();
        if (!ok) call_->Finish(&status_, &tags_[kFinish]);
        return false;
      case kWrite:
        writing_ = false;
        if (ok) WriteNext();
        return false;
      case kRead:
        OnRead(ok);
        return false;
      case kHalfClose:
        return false;
      case kFinish:
        return true;
    }
    return true;
  }

  // Once it is over.
  absl::Status status() const {
    if (!status_.ok()) {
      return absl::UnavailableError(
          absl::StrCat(kMethod, ": ", status_.error_code(), " ", status_.error_message()));
    }
    if (sent_.empty()) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(kMethod, ": ", sent_.size(), " messages unanswered"));
  }

 private:
  void WriteNext() {
    if (writing_ || half_closed_ || full()) return;
    if (!load_.error.ok() || !load_.budget.Take(load_.shape.events_per_message)) {
      half_closed_ = true;
      return call_->WritesDone(&tags_[kHalfClose]);
    }
    writing_ = true;
    sent_.push_back(absl::Now());
    call_->Write(load_.messages[load_.next++ % load_.messages.size()], &tags_[kWrite]);
  }

  bool full() const {
    return sent_.size() >= static_cast<std::size_t>(load_.shape.messages_in_flight);
  }

  void OnRead(bool ok) {
    if (!ok) return call_->Finish(&status_, &tags_[kFinish]);
    load_.error.Update(Take());
    response_.Clear();
    call_->Read(&response_, &tags_[kRead]);
    WriteNext();
  }

  absl::Status Take() {
    if (sent_.empty()) return absl::DataLossError("an answer to nothing");
    load_.latencies.Add(absl::Now() - sent_.front());
    sent_.pop_front();
    const auto events = CountPublished(response_);
    if (!events.ok()) return events.status();
    if (*events != load_.shape.events_per_message) {
      return absl::DataLossError(
          absl::StrCat(*events, " answered of ", load_.shape.events_per_message));
    }
    load_.events += *events;
    return absl::OkStatus();
  }

  Load& load_;
  std::array<Tag, kFinish + 1> tags_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
  // When each unanswered message was sent.
  std::deque<absl::Time> sent_;
  bool writing_ = false;
  bool half_closed_ = false;
};

}  // namespace

absl::StatusOr<Measurement> RunStreams(const std::shared_ptr<grpc::Channel>& channel,
                                       const StreamShape& shape, Budget budget) {
  Load load{shape, budget, BatchRequests(shape.events_per_message)};
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel);
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < shape.streams; ++i) {
    streams.push_back(std::make_unique<Stream>(load, stub, queue));
  }
  // A stream is over only when its Finish is, the last of its operations but for a half-close.
  void* tag = nullptr;
  bool ok = false;
  for (int open = shape.streams; open > 0 && queue.Next(&tag, &ok);) {
    const auto& done = *static_cast<Stream::Tag*>(tag);
    if (done.stream->On(done.operation, ok)) --open;
  }
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  absl::Status status = load.error;
  for (const auto& stream : streams) status.Update(stream->status());
  if (!status.ok()) return status;
  Measurement result;
  result.events = load.events;
  result.elapsed = load.budget.elapsed();
  result.p50 = load.latencies.Percentile(0.5);
  result.p99 = load.latencies.Percentile(0.99);
  return result;
}

}  // namespace eventbus::bench
