#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "eventbus/v1/errors.pb.h"
#include "server/bus/ack_token.h"
#include "server/bus/commit_metadata.h"
#include "server/bus/held_event.h"
#include "server/bus/number_ranges.h"

namespace eventbus::bus {

// What a client can want of an event that it has.
enum class Verb { kAcknowledge, kRetry, kDeadLetter };

// The deliveries of a stream, numbered from 0 in their order. A number belongs to one delivery: an
// event that is delivered again is so under a new one. Pure; one thread at a time.
class Deliveries {
 public:
  // What became of a delivery.
  enum class Outcome {
    kOut,      // The client has it.
    kDone,     // It is acknowledged.
    kRetried,  // It waits to be delivered again, as the client wants.
    kGivenUp,  // It goes to the dead-letter topic.
    kExpired,  // It was taken back, or delivered again.
    kLost,     // Its partition is gone.
  };

  Deliveries();

  // The event is in the next batch; its number.
  std::uint64_t Add(const EventPtr& event);
  // As if those that no batch took had never been added; in their order.
  std::vector<EventPtr> TakeBack();
  // Those in the next batch.
  bool collecting() const { return taken_ < first_ + deliveries_.size(); }
  // From the lowest of their offsets to the highest; they are of one partition.
  Span collected() const;
  // The next `events` of them are a batch that goes to the client; its number, that of its last.
  struct Taken {
    std::uint64_t number = 0;
    int never_before = 0;  // How many of them the client has not had before.
  };
  Taken TakeBatch(int events, absl::Time now);

  // That delivery of the event, the one under way, is over, in this way.
  void End(HeldEvent& event, Outcome outcome);
  // The event's partition is gone, and so are its deliveries.
  void Lose(HeldEvent& event);

  // The events that the token stands for and that are with the client. Where there are none,
  // `reason` says why nothing is left to do: UNSPECIFIED where it was done before.
  struct Found {
    std::vector<EventPtr> events;
    v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
  };
  Found Find(const AckToken& token, Verb verb) const;

  // How many are with the client; null: no event is.
  std::int64_t outstanding() const { return outstanding_; }
  EventPtr oldest() const;

 private:
  struct Delivery {
    EventPtr event;
    Outcome outcome = Outcome::kOut;
    bool ends_batch = false;
    std::uint64_t batch_begin = 0;  // Of the batch's first.
  };

  static bool IsCommitted(const Delivery& delivery);
  const Delivery& at(std::uint64_t number) const { return deliveries_[number - first_]; }
  Outcome OutcomeOf(std::uint64_t number) const;
  void EndNumber(std::uint64_t number, Outcome outcome);
  void DropFront();

  std::deque<Delivery> deliveries_;  // From the first that may matter on...
  std::uint64_t first_ = 0;          // ...and its number.
  std::uint64_t taken_ = 0;          // Numbers below it are with the client, or were.
  std::uint64_t oldest_ = 0;         // None below is out.
  std::int64_t outstanding_ = 0;
  NumberRanges expired_;  // Of those before the first.
  NumberRanges lost_;
};

}  // namespace eventbus::bus
