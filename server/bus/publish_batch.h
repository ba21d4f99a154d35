#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/bus/publisher.h"
#include "server/kafka/producer.h"

namespace eventbus::bus {

// One message of requests, and its results: each in the place of its request, done when the last
// one is in.
//
// Lifetime: by reference count, as a delivery report that comes late still has its batch. It is
// kept within, so that a report holds a pointer and an index, which no callback allocates for.
//
// Threads: Produce, Refuse and GiveUp by one at a time; reports come on the producer's thread
// meanwhile; Abandon, Share and done() from any; Response once done.
class PublishBatch {
 public:
  struct Unref {
    void operator()(PublishBatch* batch) const;
  };
  using Ptr = std::unique_ptr<PublishBatch, Unref>;
  using OnDone = absl::AnyInvocable<void(const PublishBatch&)>;

  // What becomes of an event that the producer's queue has no room for.
  enum class WhenFull { kRefuse, kPause };

  // Splits `message` (wire::SplitPublishRequests, and its errors). `owner` keeps its bytes until
  // the last request has been handed on. `on_done` runs once, when the last result is in, on the
  // thread that brings it; it must not block.
  static absl::StatusOr<Ptr> Make(absl::string_view message, std::shared_ptr<const void> owner,
                                  OnDone on_done);

  // Encodes request after request and hands them to the producer, from the first that has not been.
  // What is refused has its result at once, and the next one follows. False: the queue is full, and
  // under kPause the event waits to be handed on by the next call.
  bool Produce(Publisher& publisher, absl::string_view traceparent, WhenFull when_full);

  // Every request that has not been handed on gets `error`.
  void Refuse(const absl::Status& error);

  // Every request that has been handed on and has no result gets `error`; its report counts for
  // nothing any more.
  void GiveUp(const absl::Status& error);

  // Nobody waits for the results: Produce hands on no more.
  void Abandon() { abandoned_.store(true, std::memory_order_relaxed); }

  bool done() const { return remaining_.load(std::memory_order_acquire) == 0; }
  std::size_t size() const { return results_.size(); }
  // Of the message.
  std::size_t bytes() const { return bytes_; }
  // The PublishBatchResponse or PublishStreamResponse.
  std::string Response() const;

  Ptr Share();

 private:
  struct Result {
    std::atomic<bool> settled{false};
    absl::Status status;
    std::string event_id;
    const std::string* topic = nullptr;
    kafka::Position position;
  };

  PublishBatch(std::vector<absl::string_view> requests, std::size_t bytes,
               std::shared_ptr<const void> owner, OnDone on_done);

  // One request; false: the queue is full and it waits.
  bool ProduceOne(Publisher& publisher, absl::string_view traceparent, WhenFull when_full);
  absl::Status Prepare(Publisher& publisher, absl::string_view traceparent);
  // The first result of a request is the one that counts.
  void Settle(std::size_t index, const absl::StatusOr<kafka::Position>& result);
  // Lets go of the message's bytes once no request needs them.
  void Release();

  const std::size_t bytes_;
  std::atomic<std::uint32_t> references_{1};
  std::atomic<std::size_t> remaining_;
  std::atomic<bool> abandoned_{false};
  std::vector<Result> results_;
  OnDone on_done_;

  // Of the thread that produces.
  std::vector<absl::string_view> requests_;
  std::shared_ptr<const void> owner_;
  std::size_t next_ = 0;
  std::optional<PreparedEvent> prepared_;  // Of request `next_`, which waits for room.
};

}  // namespace eventbus::bus
