#include "server/bus/deliveries.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/bus/part.h"

namespace eventbus::bus {
namespace {

using Outcome = Deliveries::Outcome;

// Of a stream whose events are taken back again and again: older tokens are then taken for those of
// settled events.
constexpr std::size_t kMostRanges = 10'000;

// Whether that is what the client wants anyway.
bool IsWanted(Outcome outcome, Verb verb) {
  switch (outcome) {
    case Outcome::kDone:
      return verb == Verb::kAcknowledge;
    case Outcome::kRetried:
    case Outcome::kFailed:
      return verb == Verb::kRetry;
    case Outcome::kGivenUp:
      return verb == Verb::kDeadLetter;
    default:
      return false;
  }
}

}  // namespace

Deliveries::Deliveries() : expired_(kMostRanges), lost_(kMostRanges) {}

std::uint64_t Deliveries::Add(const EventPtr& event) {
  deliveries_.push_back({event, Outcome::kOut, false, 0, 0});
  return first_ + deliveries_.size() - 1;
}

std::vector<EventPtr> Deliveries::TakeBack() {
  const auto begin = deliveries_.begin() + static_cast<std::ptrdiff_t>(taken_ - first_);
  std::vector<EventPtr> events;
  for (auto at = begin; at != deliveries_.end(); ++at) events.push_back(std::move(at->event));
  deliveries_.erase(begin, deliveries_.end());
  return events;
}

Span Deliveries::collected() const {
  const auto begin = deliveries_.begin() + static_cast<std::ptrdiff_t>(taken_ - first_);
  const auto [lowest, highest] = std::minmax_element(
      begin, deliveries_.end(),
      [](const Delivery& a, const Delivery& b) { return a.event->offset < b.event->offset; });
  if (lowest == deliveries_.end()) return {};
  return {lowest->event->offset, highest->event->offset + 1};
}

Deliveries::Taken Deliveries::TakeBatch(int events, absl::Time now) {
  const std::uint64_t begin = taken_;
  taken_ += static_cast<std::uint64_t>(events);
  Taken taken{taken_ - 1, 0};
  std::vector<std::uint64_t> came_again;
  for (std::uint64_t number = begin; number < taken_; ++number) {
    Delivery& delivery = deliveries_[number - first_];
    delivery.batch_begin = begin;
    delivery.batch_last = taken_ - 1;
    out_.insert(out_.end(), number);
    HeldEvent& event = *delivery.event;
    event.state = HeldEvent::State::kOut;
    event.since = now;
    if (!std::exchange(event.delivered, true)) ++taken.never_before;
    const auto before = std::exchange(event.sent_back, absl::nullopt);
    if (before.has_value()) came_again.push_back(*before);
  }
  for (const std::uint64_t number : came_again) EndNumber(number, Outcome::kExpired);
  DropFront();
  return taken;
}

void Deliveries::End(HeldEvent& event, Outcome outcome) {
  if (IsSentBack(outcome)) event.sent_back = event.number;
  EndNumber(event.number, outcome);
}

void Deliveries::Settle(HeldEvent& event) {
  const auto number = std::exchange(event.sent_back, absl::nullopt);
  if (!number.has_value()) return;
  at(*number).settled = true;
  Leave(*number);
}

void Deliveries::Lose(HeldEvent& event) {
  if (event.state == HeldEvent::State::kOut) EndNumber(event.number, Outcome::kLost);
  if (event.sent_back.has_value()) EndNumber(*event.sent_back, Outcome::kLost);
}

Deliveries::Delivery& Deliveries::at(std::uint64_t number) {
  return number >= first_ ? deliveries_[number - first_] : old_.at(number);
}

void Deliveries::EndNumber(std::uint64_t number, Outcome outcome) {
  out_.erase(number);
  at(number).outcome = outcome;
  Leave(number);
}

void Deliveries::Leave(std::uint64_t number) {
  if (number >= first_) return DropFront();
  const auto old = old_.find(number);
  if (!IsOver(old->second)) return;
  Forget(number, old->second.outcome);
  old_.erase(old);
}

// One that is sent back is remembered until it is delivered again, or in the dead-letter topic.
void Deliveries::DropFront() {
  for (; first_ < taken_; deliveries_.pop_front(), ++first_) {
    Delivery& front = deliveries_.front();
    if (IsOver(front)) {
      Forget(first_, front.outcome);
    } else if (deliveries_.size() > kRemembered) {
      old_.emplace_hint(old_.end(), first_, std::move(front));
    } else {
      return;
    }
  }
}

void Deliveries::Forget(std::uint64_t number, Outcome outcome) {
  if (outcome == Outcome::kExpired) expired_.Add(number);
  if (outcome == Outcome::kLost) lost_.Add(number);
}

bool Deliveries::IsCommitted(const Delivery& delivery) {
  const auto& committed = delivery.event->part->commits().committed();
  return delivery.outcome != Outcome::kLost && delivery.outcome != Outcome::kOut &&
         committed.has_value() && delivery.event->offset < committed->offset;
}

const Deliveries::Delivery* Deliveries::Get(std::uint64_t number) const {
  if (number >= first_) return &deliveries_[number - first_];
  const auto found = old_.find(number);
  return found == old_.end() ? nullptr : &found->second;
}

Outcome Deliveries::OutcomeOf(std::uint64_t number) const {
  if (const Delivery* delivery = Get(number)) return delivery->outcome;
  if (expired_.Contains(number)) return Outcome::kExpired;
  return lost_.Contains(number) ? Outcome::kLost : Outcome::kDone;
}

// Of a batch whose last is forgotten others may be left.
absl::optional<std::uint64_t> Deliveries::BatchBegin(std::uint64_t last) const {
  if (const Delivery* delivery = Get(last)) {
    if (delivery->batch_last != last) return absl::nullopt;
    return delivery->batch_begin;
  }
  const auto after = old_.upper_bound(last);
  if (after == old_.begin()) return last;
  const Delivery& before = std::prev(after)->second;
  return before.batch_last == last ? before.batch_begin : last;
}

Deliveries::Found Deliveries::Find(const AckToken& token, Verb verb) const {
  Found found;
  if (token.number >= taken_) return {{}, v1::ERROR_REASON_ACK_TOKEN_INVALID};
  std::uint64_t begin = token.number;
  if (token.batch) {
    const auto batch_begin = BatchBegin(token.number);
    if (!batch_begin.has_value()) return {{}, v1::ERROR_REASON_ACK_TOKEN_INVALID};
    begin = *batch_begin;
  }
  bool wanted = false;
  bool expired = false;
  for (std::uint64_t number = begin; number <= token.number; ++number) {
    const Outcome outcome = OutcomeOf(number);
    const Delivery* delivery = Get(number);
    if (outcome == Outcome::kOut) found.events.push_back(delivery->event);
    // What is settled and forgotten, or committed, was settled in whatever way.
    wanted = wanted || IsWanted(outcome, verb);
    wanted = wanted || (delivery == nullptr ? outcome == Outcome::kDone : IsCommitted(*delivery));
    expired = expired || outcome != Outcome::kLost;
  }
  if (!found.events.empty() || wanted) return found;
  found.reason =
      expired ? v1::ERROR_REASON_ACK_TOKEN_EXPIRED : v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED;
  return found;
}

EventPtr Deliveries::oldest() const { return out_.empty() ? nullptr : Get(*out_.begin())->event; }

}  // namespace eventbus::bus
