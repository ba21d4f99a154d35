#include "server/bus/settling.h"

#include <algorithm>
#include <utility>

#include "server/base/error.h"

namespace eventbus::bus {
namespace {

// Of a long-lived stream that loses its partitions again and again: older tokens are then taken for
// those of settled events.
constexpr std::size_t kMostLost = 10'000;

}  // namespace

v1::ErrorReason Settling::Acknowledge(const AckToken& token) {
  if (token.number >= taken_) return v1::ERROR_REASON_ACK_TOKEN_INVALID;
  if (token.number < first_) {
    return WasLost(token.number) ? v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED
                                 : v1::ERROR_REASON_UNSPECIFIED;
  }
  if (token.batch) return AcknowledgeBatch(token.number);
  Event& event = at(token.number);
  if (event.part->gone && !event.settled) return v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED;
  Settle(event);
  DropFront();
  return v1::ERROR_REASON_UNSPECIFIED;
}

v1::ErrorReason Settling::AcknowledgeBatch(std::uint64_t number) {
  if (!at(number).ends_batch) return v1::ERROR_REASON_ACK_TOKEN_INVALID;
  bool any = false;
  for (std::uint64_t i = std::max(at(number).batch_begin, first_); i <= number; ++i) {
    Event& event = at(i);
    any = any || event.settled || !event.part->gone;
    if (!event.part->gone) Settle(event);
  }
  DropFront();
  return any ? v1::ERROR_REASON_UNSPECIFIED : v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED;
}

absl::optional<absl::Time> Settling::oldest() const {
  if (events_.empty() || first_ >= taken_) return absl::nullopt;
  return events_.front().taken_at;
}

void Settling::Settle(Event& event) {
  if (std::exchange(event.settled, true)) return;
  event.part->ledger.Settle(event.offset);
  event.part->dirty = true;
  --outstanding_;
  LetGo(event);
}

void Settling::LetGo(const Event& event) {
  --held_events_;
  held_bytes_ -= event.bytes;
}

// So that the front is an event that is with the client, or the next to be.
void Settling::DropFront() {
  while (first_ < taken_) {
    const Event& front = events_.front();
    if (!front.settled && !front.part->gone) return;
    if (!front.settled) {
      const auto last = lost_.find(first_);
      const std::uint64_t begin = last == lost_.end() ? first_ : last->second;
      if (last != lost_.end()) lost_.erase(last);
      lost_[first_ + 1] = begin;
      if (lost_.size() > kMostLost) lost_.erase(lost_.begin());
    }
    events_.pop_front();
    ++first_;
  }
}

bool Settling::WasLost(std::uint64_t number) const {
  const auto found = lost_.upper_bound(number);
  return found != lost_.end() && found->second <= number;
}

std::int64_t Settling::Add(const kafka::TopicPartition& partition, std::int64_t position,
                           bool committed, const std::string& metadata) {
  const kafka::GroupOffset offset{partition, position, metadata};
  const auto parked = parked_.find(partition);
  if (parked != parked_.end() && committed && parked->second->committed == offset) {
    const auto part = std::move(parked->second);
    parked_.erase(parked);
    part->dirty = true;
    part->sent = part->committed;
    parts_[partition] = part;
    return part->ledger.next();
  }
  const auto known = committed ? ParseCommitMetadata(metadata, position) : absl::nullopt;
  auto part = std::make_shared<Part>(
      Ledger(position, known.has_value() ? known->settled : std::vector<Span>()));
  if (committed) {
    part->committed = offset;
    part->sent = offset;
  }
  parts_[partition] = std::move(part);
  return position;
}

void Settling::Park(const kafka::TopicPartition& partition) {
  const auto found = parts_.find(partition);
  if (found == parts_.end()) return;
  parked_[partition] = std::move(found->second);
  parts_.erase(found);
}

void Settling::DropParked() {
  for (const auto& [partition, part] : std::exchange(parked_, {})) LoseEventsOf(part);
}

void Settling::Remove(const kafka::TopicPartition& partition) {
  const auto found = parts_.find(partition);
  if (found == parts_.end()) return;
  const auto part = std::move(found->second);
  parts_.erase(found);
  LoseEventsOf(part);
}

void Settling::LoseEventsOf(const std::shared_ptr<Part>& part) {
  part->gone = true;
  for (std::uint64_t i = first_; i < first_ + events_.size(); ++i) {
    const Event& event = at(i);
    if (event.part != part || event.settled) continue;
    if (i < taken_) --outstanding_;
    LetGo(event);
  }
  DropFront();
}

void Settling::Rewind(const Cursors& cursors) {
  while (first_ + events_.size() > taken_) {
    const Event& event = events_.back();
    if (!event.settled && !event.part->gone) LetGo(event);
    events_.pop_back();
  }
  for (const Cursors::Cursor& cursor : cursors.all()) {
    const auto part = Find(cursor.partition);
    if (part != nullptr) part->ledger.Rewind(cursor.delivered);
  }
}

bool Settling::due() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const auto& each) { return each.second->dirty; });
}

bool Settling::first_due() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const auto& each) { return !each.second->committed.has_value(); });
}

kafka::GroupOffset Settling::OffsetOf(const kafka::TopicPartition& partition,
                                      const Part& part) const {
  const std::int64_t prefix = part.ledger.prefix();
  if (part.bare) return {partition, prefix, ""};
  return {partition, prefix, FormatCommitMetadata({part.ledger.settled()}, prefix)};
}

std::vector<kafka::GroupOffset> Settling::TakeDue() {
  std::vector<kafka::GroupOffset> due;
  for (auto& [partition, part] : parts_) {
    if (!std::exchange(part->dirty, false)) continue;
    kafka::GroupOffset offset = OffsetOf(partition, *part);
    if (part->sent == offset) continue;
    part->sent = offset;
    due.push_back(std::move(offset));
  }
  return due;
}

std::vector<kafka::GroupOffset> Settling::TakeLast() {
  for (auto& [partition, part] : parts_) {
    part->dirty = true;
    part->sent = part->committed;
  }
  return TakeDue();
}

void Settling::Committed(const std::vector<kafka::GroupOffset>& offsets) {
  for (const kafka::GroupOffset& each : offsets) {
    const auto part = Find(each.partition);
    if (part != nullptr) part->committed = each;
  }
}

void Settling::Failed(const std::vector<kafka::GroupOffset>& offsets, const absl::Status& why) {
  const bool too_large = GetErrorDetails(why).reason == v1::ERROR_REASON_EVENT_TOO_LARGE;
  for (const kafka::GroupOffset& each : offsets) {
    const auto part = Find(each.partition);
    if (part == nullptr) continue;
    part->bare = part->bare || (too_large && !each.metadata.empty());
    part->sent.reset();
    part->dirty = true;
  }
}

bool Settling::Read(const kafka::TopicPartition& partition, std::int64_t offset) {
  const auto part = Find(partition);
  if (part == nullptr) return false;
  const bool deliver = part->ledger.Read(offset);
  if (!deliver) part->dirty = true;
  return deliver;
}

void Settling::ReadTo(const kafka::TopicPartition& partition, std::int64_t next) {
  const auto part = Find(partition);
  if (part == nullptr) return;
  part->ledger.ReadTo(next);
  part->dirty = true;
}

void Settling::Skip(const kafka::TopicPartition& partition, std::int64_t offset) {
  const auto part = Find(partition);
  if (part == nullptr) return;
  part->ledger.Settle(offset);
  part->dirty = true;
}

std::string Settling::Deliver(const kafka::TopicPartition& partition, std::int64_t offset,
                              std::size_t bytes) {
  Event event;
  event.part = Find(partition);
  event.offset = offset;
  event.bytes = static_cast<std::int64_t>(bytes);
  ++held_events_;
  held_bytes_ += event.bytes;
  events_.push_back(std::move(event));
  return FormatAckToken({stream_, first_ + events_.size() - 1, /*batch=*/false});
}

std::string Settling::TakeBatch(int events, absl::Time now) {
  const std::uint64_t begin = taken_;
  taken_ += static_cast<std::uint64_t>(events);
  outstanding_ += events;
  for (std::uint64_t i = begin; i < taken_; ++i) {
    at(i).batch_begin = begin;
    at(i).taken_at = now;
  }
  at(taken_ - 1).ends_batch = true;
  return FormatAckToken({stream_, taken_ - 1, /*batch=*/true});
}

bool Settling::full() const {
  if (held_events_ >= limits_.max_events || held_bytes_ >= limits_.max_bytes) return true;
  return std::any_of(parts_.begin(), parts_.end(), [this](const auto& each) {
    return each.second->ledger.span() >= limits_.max_span;
  });
}

std::shared_ptr<Settling::Part> Settling::Find(const kafka::TopicPartition& partition) const {
  const auto found = parts_.find(partition);
  if (found != parts_.end()) return found->second;
  const auto parked = parked_.find(partition);
  return parked == parked_.end() ? nullptr : parked->second;
}

}  // namespace eventbus::bus
