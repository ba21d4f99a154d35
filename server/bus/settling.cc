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
      deliveries_.End(*event, Outcome::kGivenUp);
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
  return options_.dead_letters && options_.max_failures > 0 && failures >= options_.max_failures;
}

void Settling::AddLetter(const EventPtr& event, int deliveries, std::string reason) {
  if (!std::exchange(event->delivered, true)) --undelivered_;
  --held_events_;
  event->state = State::kLetter;
  event->since = now_;
  letters_.Add({event, deliveries, std::move(reason)}, now_);
}

void Settling::LetterWritten(Letters::Id id) {
  if (const EventPtr event = letters_.Written(id)) SettleEvent(*event);
  UpdateCare();
}

void Settling::SettleEvent(HeldEvent& event) {
  LetGo(event, State::kSettled);
  event.part->Settle(event.offset);
}

void Settling::LetGo(HeldEvent& event, State state) {
  if (!std::exchange(event.delivered, true)) --undelivered_;
  if (event.state != State::kLetter) --held_events_;
  event.state = state;
  event.record.reset();
  held_bytes_ -= event.bytes;
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
  if (part.careful()) held.careful_until = part.caution().until();
  const EventPtr first = part.first_unsettled();
  if (first == nullptr) return held;
  held.first = {*first->record, first->read_at, part.failures(first->offset) + 1};
  held.blocked_since = first->since;
  switch (first->state) {
    case State::kOut:
      held.blocked = BlockedReason::kUnsettled;
      break;
    case State::kWaiting:
      held.blocked = BlockedReason::kRetryBackoff;
      break;
    case State::kLetter:
      if (letters_.HasFailed(*first)) held.blocked = BlockedReason::kDeadLetterUnwritable;
      break;
    default:
      held.blocked = BlockedReason::kSlowReader;
  }
  return held;
}

// ---- Commits.

std::int64_t Settling::Add(const kafka::TopicPartition& partition, std::int64_t position,
                           std::int64_t end, bool committed, const std::string& metadata) {
  absl::optional<kafka::GroupOffset> known;
  if (committed) known = kafka::GroupOffset{partition, position, metadata};
  PartPtr part;
  const auto parked = parked_.find(partition);
  if (parked != parked_.end() && committed && parked->second->commits().committed() == known) {
    part = std::move(parked->second);
    parked_.erase(parked);
    part->Open();
  } else {
    part = std::make_shared<Part>(partition, position, std::move(known), end);
  }
  parts_[partition] = part;
  UpdateCare();
  return part->ledger().next();
}

void Settling::Close(const kafka::TopicPartition& partition) {
  if (const PartPtr part = Find(partition)) part->Close();
}

void Settling::Park(const kafka::TopicPartition& partition) {
  const auto found = parts_.find(partition);
  if (found == parts_.end()) return;
  parked_[partition] = std::move(found->second);
  parts_.erase(found);
  UpdateCare();
}

void Settling::DropParked() {
  for (const auto& [partition, part] : std::exchange(parked_, {})) LoseEventsOf(*part);
}

void Settling::Remove(const kafka::TopicPartition& partition) {
  const auto found = parts_.find(partition);
  if (found == parts_.end()) return;
  const PartPtr part = std::move(found->second);
  parts_.erase(found);
  LoseEventsOf(*part);
}

void Settling::LoseEventsOf(Part& part) {
  for (const EventPtr& event : part.held()) {
    if (event->state == State::kSettled) continue;
    deliveries_.Lose(*event);
    LetGo(*event, State::kGone);
  }
  part.Drop();
  letters_.DropGone();
  if (turn_.has_value() && turn_->part.get() == &part) turn_.reset();
  UpdateCare();
}

bool Settling::due() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const auto& each) { return each.second->commits().due(); });
}

bool Settling::first_due() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const auto& each) { return !each.second->commits().confirmed(); });
}

bool Settling::urgent() const {
  return std::any_of(parts_.begin(), parts_.end(), [](const auto& each) {
    return each.second->commits().due() && !each.second->commits().confirmed();
  });
}

std::vector<kafka::GroupOffset> Settling::TakeDue() {
  std::vector<kafka::GroupOffset> due;
  for (auto& [partition, part] : parts_) {
    if (!part->commits().due()) continue;
    kafka::GroupOffset offset = part->offset();
    if (part->commits().Take(offset)) due.push_back(std::move(offset));
  }
  return due;
}

std::vector<kafka::GroupOffset> Settling::TakeLast() {
  std::vector<kafka::GroupOffset> due;
  for (auto& [partition, part] : parts_) {
    kafka::GroupOffset offset = part->offset();
    if (part->commits().TakeLast(offset)) due.push_back(std::move(offset));
  }
  return due;
}

void Settling::Committed(const std::vector<kafka::GroupOffset>& offsets) {
  for (const kafka::GroupOffset& each : offsets) {
    if (const PartPtr part = Find(each.partition)) part->commits().Committed(each);
  }
}

void Settling::Failed(const std::vector<kafka::GroupOffset>& offsets, const absl::Status& why) {
  const bool too_large = GetErrorDetails(why).reason == v1::ERROR_REASON_EVENT_TOO_LARGE;
  for (const kafka::GroupOffset& each : offsets) {
    const PartPtr part = Find(each.partition);
    if (part == nullptr) continue;
    if (too_large && !each.metadata.empty()) part->GoBare();
    part->commits().Failed(each);
  }
}

Settling::PartPtr Settling::Find(const kafka::TopicPartition& partition) const {
  const auto found = parts_.find(partition);
  if (found != parts_.end()) return found->second;
  const auto parked = parked_.find(partition);
  return parked == parked_.end() ? nullptr : parked->second;
}

// ---- Account.

bool Settling::Read(const kafka::TopicPartition& partition, std::int64_t offset) {
  const auto found = parts_.find(partition);
  return found != parts_.end() && found->second->Read(offset);
}

void Settling::ReadTo(const kafka::TopicPartition& partition, std::int64_t next) {
  const auto found = parts_.find(partition);
  if (found != parts_.end()) found->second->ReadTo(next);
}

void Settling::Skip(const kafka::TopicPartition& partition, std::int64_t offset) {
  const auto found = parts_.find(partition);
  if (found != parts_.end()) found->second->Settle(offset);
}

absl::optional<Delivery> Settling::Deliver(const kafka::TopicPartition& partition,
                                           const kafka::RecordView& record, bool decodable) {
  Part& part = *parts_.find(partition)->second;
  const EventPtr event = part.Keep(record, now_);
  ++held_events_;
  held_bytes_ += event->bytes;
  ++undelivered_;
  const int failures = part.failures(record.offset);
  if (!decodable && options_.dead_letters) {
    AddLetter(event, failures, "undecodable");
  } else if (HasFailedForGood(failures)) {
    AddLetter(event, failures, "max_delivery_attempts");
  } else if (part.MustWait(record)) {
    part.Wait(event, absl::InfinitePast(), now_);
  } else if (careful_ || turn_.has_value() || part.next_ready() != nullptr) {
    part.MakeReady(event, now_);
  } else {
    return Collect(event);
  }
  return absl::nullopt;
}

Delivery Settling::Collect(const EventPtr& event) {
  event->state = State::kCollected;
  event->number = deliveries_.Add(event);
  return {FormatAckToken({stream_, event->number, /*batch=*/false}),
          event->part->failures(event->offset) + 1};
}

absl::optional<Account::Kept> Settling::Next() {
  const PartPtr part = NextPart();
  if (part == nullptr) return absl::nullopt;
  const EventPtr event = part->TakeReady();
  if (turn_.has_value()) ++turn_->collected;
  return Kept{*event->record, Collect(event)};
}

void Settling::TakeBack() {
  const std::vector<EventPtr> events = deliveries_.TakeBack();
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    (*event)->part->MakeReadyFirst(*event, now_);
  }
  if (turn_.has_value() && deliveries_.outstanding() == 0) EndTurn();
}

std::string Settling::TakeBatch(int events) {
  const Deliveries::Taken taken = deliveries_.TakeBatch(events, now_);
  undelivered_ -= taken.never_before;
  return FormatAckToken({stream_, taken.number, /*batch=*/true});
}

bool Settling::full() const {
  if (held_events_ >= options_.max_events || held_bytes_ >= options_.max_bytes) return true;
  return std::any_of(parts_.begin(), parts_.end(), [this](const auto& each) {
    return each.second->ledger().span() >= options_.max_span;
  });
}

// ---- Care.

// Where all that had to be taken care of is settled, nothing has to be waited for any more.
void Settling::UpdateCare() {
  careful_ = std::any_of(parts_.begin(), parts_.end(),
                         [](const auto& each) { return each.second->careful(); });
  if (!turn_.has_value()) return;
  const bool over = deliveries_.outstanding() == 0 && !deliveries_.collecting();
  if (over || !careful_) EndTurn();
}

Settling::PartPtr Settling::NextPart() {
  if (!careful_ && !turn_.has_value()) {
    for (const auto& [partition, part] : parts_) {
      if (part->next_ready() != nullptr) return part;
    }
    return nullptr;
  }
  if (!turn_.has_value()) return StartTurn();
  const EventPtr next = turn_->part->next_ready();
  return next != nullptr && !turn_->closed && FitsTurn(*next) ? turn_->part : nullptr;
}

// Of the partitions that need care first: the others' events go on between them.
Settling::PartPtr Settling::StartTurn() {
  if (deliveries_.outstanding() > 0 || deliveries_.collecting()) return nullptr;
  PartPtr chosen;
  for (const auto& [partition, part] : parts_) {
    if (part->next_ready() == nullptr || (chosen != nullptr && !part->careful())) continue;
    if (chosen == nullptr || !chosen->careful()) chosen = part;
  }
  if (chosen == nullptr) return nullptr;
  turn_ = Turn{chosen, chosen->caution().MostBeside(chosen->next_ready()->offset), 0, false};
  return chosen;
}

bool Settling::FitsTurn(const HeldEvent& event) const {
  const int most = turn_->part->caution().MostBeside(event.offset);
  if (turn_->most == 0) return most == 0;
  return turn_->collected < turn_->most && (most == 0 || turn_->collected < most);
}

bool Settling::MayTakeBatch() {
  if (turn_.has_value() && !std::exchange(turn_->closed, true) && turn_->most > 0) {
    Part& part = *turn_->part;
    part.caution().SetOut(deliveries_.collected());
    part.commits().Announce();
  }
  return !first_due();
}

// Nothing else goes while Kafka has the events of this turn for those that are out.
void Settling::EndTurn() {
  if (turn_->most > 0 && turn_->closed) {
    turn_->part->caution().SetOut({});
    turn_->part->commits().Announce();
  }
  turn_.reset();
}

}  // namespace eventbus::bus
