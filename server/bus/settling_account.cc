// What a reader delivers, and what may be with the client at one time.
#include <algorithm>
#include <utility>

#include "server/bus/settling.h"

namespace eventbus::bus {
namespace {

using State = HeldEvent::State;

}  // namespace

bool Settling::Read(const kafka::TopicPartition& partition, std::int64_t offset) {
  const auto found = parts_.find(partition);
  if (found == parts_.end()) return false;
  const bool deliver = found->second->Read(offset);
  UpdatePause(*found->second);
  return deliver;
}

void Settling::ReadTo(const kafka::TopicPartition& partition, std::int64_t next) {
  const auto found = parts_.find(partition);
  if (found != parts_.end()) found->second->ReadTo(next);
}

void Settling::Skip(const kafka::TopicPartition& partition, std::int64_t offset) {
  const auto found = parts_.find(partition);
  if (found == parts_.end()) return;
  found->second->Settle(offset);
  UpdatePause(*found->second);
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
  if (!turn_.has_value()) return;
  turn_->collected = static_cast<int>(deliveries_.outstanding());
  if (deliveries_.outstanding() == 0) EndTurn();
}

std::string Settling::TakeBatch(int events) {
  const Deliveries::Taken taken = deliveries_.TakeBatch(events, now_);
  undelivered_ -= taken.never_before;
  return FormatAckToken({stream_, taken.number, /*batch=*/true});
}

bool Settling::full() const {
  return held_events_ >= options_.max_events || held_bytes_ >= options_.max_bytes;
}

bool Settling::IsPaused(const kafka::TopicPartition& partition) const {
  const auto found = parts_.find(partition);
  return found != parts_.end() && found->second->paused();
}

void Settling::UpdatePause(Part& part) {
  if (part.UpdatePause()) ++pauses_;
}

// ---- Care.

// Where all that had to be taken care of is settled, nothing has to be waited for any more. Where
// failures have no consequence nobody has to wait to find them.
void Settling::UpdateCare() {
  careful_ = TakesCare() && std::any_of(parts_.begin(), parts_.end(),
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
  GoOnWithTurn();
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

// As those that are out are settled others follow: one that takes long holds up nobody else. By
// halves, since each time Kafka has to be told before.
void Settling::GoOnWithTurn() {
  if (!turn_->closed || deliveries_.collecting() || turn_->most <= 1) return;
  if (deliveries_.outstanding() > turn_->most / 2) return;
  turn_->closed = false;
  turn_->collected = static_cast<int>(deliveries_.outstanding());
}

bool Settling::FitsTurn(const HeldEvent& event) const {
  const int most = turn_->part->caution().MostBeside(event.offset);
  if (turn_->most == 0) return most == 0;
  return turn_->collected < turn_->most && (most == 0 || turn_->collected < most);
}

bool Settling::MayTakeBatch() {
  if (turn_.has_value() && !std::exchange(turn_->closed, true) && turn_->most > 0) {
    Part& part = *turn_->part;
    Span out = deliveries_.collected();
    for (const EventPtr& event : part.held()) {
      if (event->state != State::kOut) continue;
      out = {std::min(out.begin, event->offset), std::max(out.end, event->offset + 1)};
    }
    part.caution().SetOut(out);
    part.commits().Announce();
  }
  return !first_due() && !closing_due();
}

// Until Kafka has the last commit of a partition that was taken, it may have its events for those
// that are out.
bool Settling::closing_due() const {
  return TakesCare() && std::any_of(parked_.begin(), parked_.end(), [](const auto& each) {
           return each.second->commits().under_way();
         });
}

// Nothing else goes while Kafka has the events of this turn for those that are out.
void Settling::EndTurn() {
  Part& part = *turn_->part;
  if (part.caution().out() != Span()) {
    part.caution().SetOut({});
    part.commits().Announce();
  }
  turn_.reset();
}

}  // namespace eventbus::bus
