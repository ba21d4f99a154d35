#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "absl/types/optional.h"
#include "eventbus/v1/errors.pb.h"
#include "server/bus/ack_token.h"
#include "server/bus/commit_metadata.h"
#include "server/bus/held_event.h"
#include "server/bus/number_ranges.h"

namespace eventbus::bus {

// What a client can want of an event that it has.
enum class Verb { kAcknowledge, kRetry, kDeadLetter };

// The deliveries of a stream, numbered from 0 in their order. A number belongs to one delivery: an
// event that is delivered again is so under a new one. Those that are over are forgotten in their
// order, after kRemembered more at the latest; of those it is still known which of them settled
// nothing. Pure; one thread at a time.
class Deliveries {
 public:
  static constexpr std::size_t kRemembered = 20'000;

  // What became of a delivery.
  enum class Outcome {
    kOut,      // The client has it.
    kDone,     // It is acknowledged.
    kRetried,  // It waits to be delivered again, as the client wants.
    kFailed,   // It was retried once too often, and goes to the dead-letter topic.
    kGivenUp,  // It goes there, as the client wants.
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
  // What failed or was given up is in the dead-letter topic.
  void Settle(HeldEvent& event);
  // The event's partition is gone, and so are its deliveries.
  void Lose(HeldEvent& event);

  // The events that the token stands for and that are with the client. Where there are none,
  // `reason` says why nothing is left to do: UNSPECIFIED where it was done before.
  struct Found {
    std::vector<EventPtr> events;
    v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
  };
  Found Find(const AckToken& token, Verb verb) const;

  // The number of the next that goes to the client.
  std::uint64_t taken() const { return taken_; }
  // How many are with the client; null: no event is.
  std::int64_t outstanding() const { return static_cast<std::int64_t>(out_.size()); }
  EventPtr oldest() const;

 private:
  struct Delivery {
    EventPtr event;
    Outcome outcome = Outcome::kOut;
    bool settled = false;  // By way of the dead-letter topic.
    // Of its batch.
    std::uint64_t batch_begin = 0;
    std::uint64_t batch_last = 0;
  };

  // Something is yet to come of it.
  static bool IsSentBack(Outcome outcome) {
    return outcome == Outcome::kRetried || outcome == Outcome::kFailed ||
           outcome == Outcome::kGivenUp;
  }
  static bool IsOver(const Delivery& delivery) {
    return delivery.outcome != Outcome::kOut &&
           !(IsSentBack(delivery.outcome) && !delivery.settled);
  }
  static bool IsCommitted(const Delivery& delivery);
  // Null: it is forgotten.
  const Delivery* Get(std::uint64_t number) const;
  Outcome OutcomeOf(std::uint64_t number) const;
  Delivery& at(std::uint64_t number);
  void EndNumber(std::uint64_t number, Outcome outcome);
  // Forgets it, if it is over and its turn has come.
  void Leave(std::uint64_t number);
  void DropFront();
  void Forget(std::uint64_t number, Outcome outcome);
  // The first of the batch that ends there; unset: none does.
  absl::optional<std::uint64_t> BatchBegin(std::uint64_t last) const;

  std::deque<Delivery> deliveries_;  // From the first that may matter on...
  std::uint64_t first_ = 0;          // ...and its number.
  std::uint64_t taken_ = 0;          // Numbers below it are with the client, or were.
  // Before the first: those that are not over, and what became of the others, if not done.
  std::map<std::uint64_t, Delivery> old_;
  NumberRanges expired_;
  NumberRanges lost_;
  std::set<std::uint64_t> out_;
};

}  // namespace eventbus::bus
