// What a member whose events are settled commits.
#include <algorithm>
#include <utility>

#include "server/base/error.h"
#include "server/bus/settling.h"

namespace eventbus::bus {
namespace {

using State = HeldEvent::State;

}  // namespace

void Settling::Add(const kafka::TopicPartition& partition, std::int64_t position, std::int64_t end,
                   const absl::optional<kafka::GroupOffset>& known) {
  if (const auto parked = parked_.extract(partition); !parked.empty()) Abandon(*parked.mapped());
  parts_[partition] = std::make_shared<Part>(partition, position, known, end,
                                             Part::Limits{options_.max_span, options_.max_bytes});
  UpdateCare();
}

absl::optional<std::int64_t> Settling::Resume(const kafka::TopicPartition& partition,
                                              const absl::optional<kafka::GroupOffset>& known) {
  const auto parked = parked_.find(partition);
  if (parked == parked_.end() || !known.has_value()) return absl::nullopt;
  if (!parked->second->commits().Recognize(*known)) return absl::nullopt;
  const PartPtr part = std::move(parked->second);
  parked_.erase(parked);
  part->Open();
  parts_[partition] = part;
  UpdateCare();
  return part->ledger().next();
}

void Settling::Close(const kafka::TopicPartition& partition) {
  const auto found = parts_.find(partition);
  if (found != parts_.end()) found->second->Close();
}

void Settling::Park(const kafka::TopicPartition& partition) {
  const auto found = parts_.find(partition);
  if (found == parts_.end()) return;
  // What it has ready goes to nobody; what is out keeps others waiting until it is settled or lost.
  if (turn_.has_value() && turn_->part == found->second) EndTurn();
  parked_[partition] = std::move(found->second);
  parts_.erase(found);
  UpdateCare();
}

void Settling::DropParked() {
  for (const auto& [partition, part] : std::exchange(parked_, {})) Abandon(*part);
}

// It was parked, and does not come back.
void Settling::Abandon(Part& part) {
  if (part.commits().due()) ++losses_;
  LoseEventsOf(part);
}

bool Settling::parked_due() const {
  return std::any_of(parked_.begin(), parked_.end(),
                     [](const auto& each) { return each.second->commits().due(); });
}

void Settling::AddGap(const kafka::TopicPartition& partition, const Span& gap) {
  if (const PartPtr part = Find(partition)) part->AddGap(gap);
}

void Settling::TellGaps(const kafka::TopicPartition& partition, std::int64_t end) {
  if (const PartPtr part = Find(partition)) part->TellGaps(end, deliveries_.taken());
}

void Settling::Remove(const kafka::TopicPartition& partition) {
  const PartPtr part = Find(partition);
  if (part == nullptr) return;
  if (part->commits().committed() != part->offset()) ++losses_;
  parts_.erase(partition);
  parked_.erase(partition);
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

}  // namespace eventbus::bus
