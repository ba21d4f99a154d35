#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "absl/types/optional.h"
#include "server/kafka/consumer.h"

namespace eventbus::bus {

// What of one partition's commits is due, on its way, and in Kafka. Kafka takes them in the order
// in which they are sent. Pure; one thread at a time.
class PartCommits {
 public:
  // `committed`: what the group has already.
  explicit PartCommits(absl::optional<kafka::GroupOffset> committed)
      : sent_(committed), committed_(committed) {}

  // What is to be committed may have changed.
  void Touch() { dirty_ = true; }
  // It has, and something waits until Kafka has it: see confirmed.
  void Announce() {
    dirty_ = true;
    ++revision_;
  }
  bool due() const { return dirty_; }
  // Something is sent, and not answered.
  bool under_way() const { return !in_flight_.empty(); }
  // Kafka has everything announced so far.
  bool confirmed() const { return confirmed_ >= revision_; }

  // `now` is to be committed. True: it is to be sent; false: Kafka has it, or it is on its way.
  bool Take(const kafka::GroupOffset& now);
  // The same for the last commit, for which what is on its way does not stand.
  bool TakeLast(const kafka::GroupOffset& now);
  void Committed(const kafka::GroupOffset& offset);
  void Failed(const kafka::GroupOffset& offset);
  // Nothing is on its way any more, and Kafka has what was committed last.
  void Settle();

  // Whether `offset`, which Kafka has, is this one's: what was committed last, or was sent since.
  // Kafka may have taken that though there was no answer, or the error of a second attempt. True:
  // it was committed last.
  bool Recognize(const kafka::GroupOffset& offset);

  const absl::optional<kafka::GroupOffset>& committed() const { return committed_; }

 private:
  struct Sent {
    kafka::GroupOffset offset;
    std::uint64_t revision = 0;
  };

  // So many that Kafka may have taken are remembered; the oldest are forgotten.
  static constexpr std::size_t kMostUnconfirmed = 8;

  void Send(const kafka::GroupOffset& now);
  // Kafka takes none any more that was sent before it.
  void Confirm(const kafka::GroupOffset& offset);
  // The revision of what was sent as `offset`, which is answered now; unset: it was sent before
  // this began, and answers nothing here.
  absl::optional<std::uint64_t> Answer(const kafka::GroupOffset& offset);

  bool dirty_ = true;
  std::uint64_t revision_ = 0;
  std::uint64_t confirmed_ = 0;
  // Handed out last; unset: not known, as after a failure.
  absl::optional<kafka::GroupOffset> sent_;
  std::deque<Sent> in_flight_;
  // Sent since the last that Kafka is known to have, answered or not.
  std::deque<kafka::GroupOffset> unconfirmed_;
  absl::optional<kafka::GroupOffset> committed_;
};

}  // namespace eventbus::bus
