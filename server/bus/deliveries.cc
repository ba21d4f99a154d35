#include "server/bus/deliveries.h"

#include <algorithm>
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
  deliveries_.push_back({event, Outcome::kOut, false, 0});
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
  outstanding_ += events;
  Taken taken{taken_ - 1, 0};
  std::vector<std::uint64_t> retried;
  for (std::uint64_t number = begin; number < taken_; ++number) {
    Delivery& delivery = deliveries_[number - first_];
    delivery.batch_begin = begin;
    HeldEvent& event = *delivery.event;
    event.state = HeldEvent::State::kOut;
    event.since = now;
    if (!std::exchange(event.delivered, true)) ++taken.never_before;
    if (event.retried.has_value()) retried.push_back(*std::exchange(event.retried, absl::nullopt));
  }
  deliveries_[taken_ - 1 - first_].ends_batch = true;
  for (const std::uint64_t number : retried) EndNumber(number, Outcome::kExpired);
  return taken;
}

void Deliveries::End(HeldEvent& event, Outcome outcome) {
  if (outcome == Outcome::kRetried) event.retried = event.number;
  EndNumber(event.number, outcome);
}

void Deliveries::Lose(HeldEvent& event) {
  if (event.state == HeldEvent::State::kOut) EndNumber(event.number, Outcome::kLost);
  if (event.retried.has_value()) EndNumber(*event.retried, Outcome::kLost);
}

void Deliveries::EndNumber(std::uint64_t number, Outcome outcome) {
  Delivery& delivery = deliveries_[number - first_];
  if (delivery.outcome == Outcome::kOut) --outstanding_;
  delivery.outcome = outcome;
  DropFront();
  oldest_ = std::max(oldest_, first_);
  while (oldest_ < taken_ && at(oldest_).outcome != Outcome::kOut) ++oldest_;
}

// One that is retried is remembered until it is delivered again.
void Deliveries::DropFront() {
  for (; first_ < taken_; deliveries_.pop_front(), ++first_) {
    const Outcome outcome = deliveries_.front().outcome;
    if (outcome == Outcome::kOut || outcome == Outcome::kRetried) return;
    if (outcome == Outcome::kExpired) expired_.Add(first_);
    if (outcome == Outcome::kLost) lost_.Add(first_);
  }
}

bool Deliveries::IsCommitted(const Delivery& delivery) {
  const auto& committed = delivery.event->part->commits().committed();
  return delivery.outcome != Outcome::kLost && delivery.outcome != Outcome::kOut &&
         committed.has_value() && delivery.event->offset < committed->offset;
}

Outcome Deliveries::OutcomeOf(std::uint64_t number) const {
  if (number >= first_) return at(number).outcome;
  if (expired_.Contains(number)) return Outcome::kExpired;
  return lost_.Contains(number) ? Outcome::kLost : Outcome::kDone;
}

Deliveries::Found Deliveries::Find(const AckToken& token, Verb verb) const {
  Found found;
  if (token.number >= taken_) return {{}, v1::ERROR_REASON_ACK_TOKEN_INVALID};
  std::uint64_t begin = token.number;
  if (token.batch && token.number >= first_) {
    if (!at(token.number).ends_batch) return {{}, v1::ERROR_REASON_ACK_TOKEN_INVALID};
    begin = at(token.number).batch_begin;
  }
  bool wanted = false;
  bool expired = false;
  for (std::uint64_t number = begin; number <= token.number; ++number) {
    const Outcome outcome = OutcomeOf(number);
    if (outcome == Outcome::kOut) found.events.push_back(at(number).event);
    // What is settled and forgotten, or committed, was settled in whatever way.
    wanted = wanted || IsWanted(outcome, verb);
    wanted = wanted || (number < first_ ? outcome == Outcome::kDone : IsCommitted(at(number)));
    expired = expired || outcome != Outcome::kLost;
  }
  if (!found.events.empty() || wanted) return found;
  found.reason =
      expired ? v1::ERROR_REASON_ACK_TOKEN_EXPIRED : v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED;
  return found;
}

EventPtr Deliveries::oldest() const { return oldest_ < taken_ ? at(oldest_).event : nullptr; }

}  // namespace eventbus::bus
