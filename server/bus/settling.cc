#include "server/bus/settling.h"

#include <algorithm>
#include <utility>

#include "server/base/error.h"

namespace eventbus::bus {
namespace {

using State = HeldEvent::State;
using Outcome = Deliveries::Outcome;

}  // namespace

Settling::~Settling() {
  for (const Parts* parts : {&parts_, &parked_}) {
    for (const auto& [partition, part] : *parts) part->Drop();
  }
}

void Settling::Advance(absl::Time now) {
  now_ = now;
  for (auto& [partition, part] : parts_) part->Release(now);
  UpdateCare();
}

absl::Time Settling::next_due() const {
  absl::Time next = letters_.next_due();
  for (const auto& [partition, part] : parts_) next = std::min(next, part->next_due());
  return next;
}

// ---- What clients ask for.

std::vector<v1::ErrorReason> Settling::Settle(const Settlement<AckToken>& asked) {
  PassGaps(asked);
  std::vector<EventPtr> set_aside;
  SetAside(asked, set_aside);
  std::vector<v1::ErrorReason> acks;
  for (const AckToken& token : asked.acks) acks.push_back(Acknowledge(token));
  for (const EventPtr& event : set_aside) event->set_aside = false;
  // In the order of the lists, though what is given up leaves its key's order first.
  std::vector<v1::ErrorReason> letters;
  for (const auto& letter : asked.dead_letters) {
    letters.push_back(GiveUp(letter.token, letter.reason));
  }
  Retried retried;
  std::vector<v1::ErrorReason> reasons = std::move(acks);
  for (const auto& retry : asked.retries) {
    reasons.push_back(Retry(retry.token, retry.delay, retried));
  }
  Recall(retried);
  reasons.insert(reasons.end(), letters.begin(), letters.end());
  UpdateCare();
  return reasons;
}

// Whatever becomes of a token, who has it has read what was said before it.
void Settling::PassGaps(const Settlement<AckToken>& asked) {
  absl::optional<std::uint64_t> last;
  const auto read = [this, &last](const AckToken& token) {
    if (token.number < deliveries_.taken()) last = std::max(last.value_or(0), token.number);
  };
  for (const AckToken& token : asked.acks) read(token);
  for (const auto& retry : asked.retries) read(retry.token);
  for (const auto& letter : asked.dead_letters) read(letter.token);
  if (!last.has_value()) return;
  for (const Parts* parts : {&parts_, &parked_}) {
    for (const auto& [partition, part] : *parts) part->PassGaps(*last);
  }
}

void Settling::SetAside(const Settlement<AckToken>& asked, std::vector<EventPtr>& events) const {
  const auto set_aside = [&](const AckToken& token, Verb verb) {
    for (const EventPtr& event : deliveries_.Find(token, verb).events) {
      event->set_aside = true;
      events.push_back(event);
    }
  };
  for (const auto& retry : asked.retries) set_aside(retry.token, Verb::kRetry);
  for (const auto& letter : asked.dead_letters) set_aside(letter.token, Verb::kDeadLetter);
}

v1::ErrorReason Settling::Acknowledge(const AckToken& token) {
  const Deliveries::Found found = deliveries_.Find(token, Verb::kAcknowledge);
  for (const EventPtr& event : found.events) {
    if (event->set_aside && !token.batch) return v1::ERROR_REASON_ACK_TOKEN_EXPIRED;
    if (event->set_aside) continue;
    deliveries_.End(*event, Outcome::kDone);
    SettleEvent(*event);
  }
  return found.reason;
}

v1::ErrorReason Settling::GiveUp(const AckToken& token, const std::string& reason) {
  const Deliveries::Found found = deliveries_.Find(token, Verb::kDeadLetter);
  if (!found.events.empty() && !options_.dead_letters) {
    return v1::ERROR_REASON_DEAD_LETTER_DISABLED;
  }
  for (const EventPtr& event : found.events) {
    deliveries_.End(*event, Outcome::kGivenUp);
    AddLetter(event, event->part->failures(event->offset) + 1, reason);
  }
  return found.reason;
}

v1::ErrorReason Settling::Retry(const AckToken& token, absl::optional<absl::Duration> delay,
                                Retried& retried) {
  const Deliveries::Found found = deliveries_.Find(token, Verb::kRetry);
  for (const EventPtr& event : found.events) {
    Part& part = *event->part;
    const int failures = part.Fail(event->offset);
    if (HasFailedForGood(failures)) {
      deliveries_.End(*event, Outcome::kFailed);
      AddLetter(event, failures, "max_delivery_attempts");
      continue;
    }
    deliveries_.End(*event, Outcome::kRetried);
    part.Wait(event, now_ + delay.value_or(Backoff(failures)), now_);
    if (!event->key().has_value()) continue;
    auto& firsts = retried.firsts[event->part];
    const auto [first, is_new] = firsts.emplace(*event->key(), event->offset);
    if (!is_new) first->second = std::min(first->second, event->offset);
  }
  return found.reason;
}

// At once for all that a call takes back: the events of a partition are gone through once.
void Settling::Recall(const Retried& retried) {
  for (const auto& [part, firsts] : retried.firsts) {
    for (const EventPtr& event : part->Recall(firsts, now_)) {
      deliveries_.End(*event, Outcome::kExpired);
    }
  }
}

absl::Duration Settling::Backoff(int failures) const {
  absl::Duration backoff = options_.min_backoff;
  for (int i = 1; i < failures && backoff < options_.max_backoff; ++i) backoff *= 2;
  return std::min(backoff, options_.max_backoff);
}

bool Settling::HasFailedForGood(int failures) const {
  return TakesCare() && failures >= options_.max_failures;
}

void Settling::AddLetter(const EventPtr& event, int deliveries, std::string reason) {
  if (!std::exchange(event->delivered, true)) --undelivered_;
  --held_events_;
  held_bytes_ -= event->bytes;
  event->part->AddLetter(event->bytes);
  event->state = State::kLetter;
  event->since = now_;
  letters_.Add({event, deliveries, std::move(reason)}, now_);
  UpdatePause(*event->part);
}

void Settling::LetterWritten(Letters::Id id) {
  if (const EventPtr event = letters_.Written(id)) {
    deliveries_.Settle(*event);
    SettleEvent(*event);
  }
  UpdateCare();
}

void Settling::SettleEvent(HeldEvent& event) {
  LetGo(event, State::kSettled);
  event.part->Settle(event.offset);
  UpdatePause(*event.part);
}

void Settling::LetGo(HeldEvent& event, State state) {
  if (!std::exchange(event.delivered, true)) --undelivered_;
  if (event.state == State::kLetter) {
    event.part->DropLetter(event.bytes);
  } else {
    --held_events_;
    held_bytes_ -= event.bytes;
  }
  event.state = state;
  event.record.reset();
}

// ---- The end.

void Settling::EndTimedOut() {
  const EventPtr event = deliveries_.oldest();
  if (event != nullptr) event->part->Fail(event->offset);
}

void Settling::EndGone() {
  TakeBack();
  for (auto& [partition, part] : parts_) {
    Span with;
    for (const EventPtr& event : part->held()) {
      if (event->state != State::kOut) continue;
      with = {with.end == 0 ? event->offset : with.begin, event->offset + 1};
    }
    std::int64_t failed = -1;
    part->caution().EndWith(with, &failed);
    if (failed >= 0 && !part->ledger().IsSettled(failed)) part->Fail(failed);
    part->commits().Touch();
  }
  turn_.reset();
}

// ---- What people are told.

absl::optional<absl::Time> Settling::oldest() const {
  const EventPtr event = deliveries_.oldest();
  if (event == nullptr) return absl::nullopt;
  return event->since;
}

std::vector<HeldPart> Settling::Held() const {
  std::vector<HeldPart> held;
  for (const auto& [partition, part] : parts_) held.push_back(Describe(*part));
  return held;
}

HeldPart Settling::Describe(const Part& part) const {
  HeldPart held;
  held.partition = part.partition();
  held.outstanding =
      std::count_if(part.held().begin(), part.held().end(),
                    [](const EventPtr& event) { return event->state == State::kOut; });
  if (TakesCare() && part.careful()) held.careful_until = part.caution().until();
  const EventPtr first = part.first_unsettled();
  if (first == nullptr) return held;
  held.first = {*first->record, first->read_at, part.failures(first->offset) + 1};
  held.blocked_since = first->since;
  switch (first->state) {
    case State::kOut:
      held.blocked = v1::BLOCKED_REASON_UNSETTLED;
      break;
    case State::kWaiting:
      held.blocked = v1::BLOCKED_REASON_RETRY_BACKOFF;
      break;
    case State::kLetter:
      if (letters_.HasFailed(*first)) held.blocked = v1::BLOCKED_REASON_DEAD_LETTER_UNWRITABLE;
      break;
    default:
      // Where care is taken it may wait for what is with the client.
      held.blocked =
          turn_.has_value() ? v1::BLOCKED_REASON_UNSETTLED : v1::BLOCKED_REASON_SLOW_READER;
  }
  return held;
}

}  // namespace eventbus::bus
