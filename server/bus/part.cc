#include "server/bus/part.h"

#include <algorithm>
#include <utility>

namespace eventbus::bus {
namespace {

using State = HeldEvent::State;

CommitMetadata MetadataOf(const absl::optional<kafka::GroupOffset>& committed) {
  if (!committed.has_value()) return {};
  return ParseCommitMetadata(committed->metadata, committed->offset).value_or(CommitMetadata());
}

std::int64_t BytesOf(const kafka::RecordView& record) {
  std::size_t bytes = record.key.value_or("").size() + record.value.value_or("").size();
  for (const kafka::HeaderView& header : record.headers) {
    bytes += header.key.size() + header.value.value_or("").size();
  }
  return static_cast<std::int64_t>(bytes);
}

}  // namespace

Part::Part(const kafka::TopicPartition& partition, std::int64_t position,
           absl::optional<kafka::GroupOffset> committed, std::int64_t end, const Limits& limits)
    : partition_(partition), limits_(limits), ledger_(position, {}), commits_(committed) {
  const CommitMetadata known = MetadataOf(committed);
  ledger_ = Ledger(position, known.settled);
  for (const Failures& each : known.failures) failures_[each.offset] = each.count;
  std::int64_t failed = -1;
  const std::int64_t from = committed.has_value() ? committed->offset : position;
  caution_ = Caution::After(known.mark, {from, limits.max_span, end}, &failed);
  if (failed >= 0 && !ledger_.IsSettled(failed)) Fail(failed);
  commits_.Announce();
}

bool Part::Read(std::int64_t offset) {
  const bool deliver = ledger_.Read(offset);
  if (!deliver) commits_.Touch();
  return deliver;
}

void Part::ReadTo(std::int64_t next) {
  ledger_.ReadTo(next);
  commits_.Touch();
}

void Part::Settle(std::int64_t offset) {
  ledger_.Settle(offset);
  commits_.Touch();
  DropSettled();
}

bool Part::UpdatePause() {
  const std::int64_t part = paused_ ? 2 : 1;
  const bool pauses = ledger_.span() * part >= limits_.max_span + part - 1 ||
                      letter_bytes_ * part >= limits_.max_letter_bytes;
  return std::exchange(paused_, pauses) != pauses;
}

EventPtr Part::Keep(const kafka::RecordView& record, absl::Time now) {
  auto event = std::make_shared<HeldEvent>();
  event->part = shared_from_this();
  event->offset = record.offset;
  event->bytes = BytesOf(record);
  event->record.emplace(record);
  event->read_at = now;
  event->since = now;
  held_.push_back(event);
  return event;
}

bool Part::MustWait(const kafka::RecordView& record) const { return lines_.Holds(record.key); }

void Part::Wait(const EventPtr& event, absl::Time due, absl::Time now) {
  event->state = State::kWaiting;
  event->since = now;
  lines_.Add(event, due);
}

void Part::MakeReady(const EventPtr& event, absl::Time now) {
  event->state = State::kReady;
  event->since = now;
  ready_.push_back(event);
}

void Part::MakeReadyFirst(const EventPtr& event, absl::Time now) {
  event->state = State::kReady;
  event->since = now;
  ready_.push_front(event);
}

void Part::Release(absl::Time now) {
  for (const EventPtr& event : lines_.TakeDue(now)) MakeReady(event, now);
}

EventPtr Part::TakeReady() {
  EventPtr event = std::move(ready_.front());
  ready_.pop_front();
  return event;
}

std::vector<EventPtr> Part::Recall(const std::map<std::string, std::int64_t>& firsts,
                                   absl::Time now) {
  std::vector<EventPtr> were_out;
  if (firsts.empty()) return were_out;
  for (const EventPtr& event : held_) {
    if (event->state != State::kOut && event->state != State::kReady) continue;
    if (!event->key().has_value()) continue;
    const auto first = firsts.find(std::string(*event->key()));
    if (first == firsts.end() || event->offset <= first->second) continue;
    if (event->state == State::kOut) were_out.push_back(event);
    Wait(event, absl::InfinitePast(), now);
  }
  std::erase_if(ready_, [](const EventPtr& event) { return event->state != State::kReady; });
  return were_out;
}

int Part::failures(std::int64_t offset) const {
  const auto found = failures_.find(offset);
  return found == failures_.end() ? 0 : found->second;
}

int Part::Fail(std::int64_t offset) {
  commits_.Touch();
  return ++failures_[offset];
}

void Part::Open() {
  open_ = true;
  commits_.Settle();
  commits_.Announce();
}

void Part::Close() {
  open_ = false;
  commits_.Touch();
}

void Part::AddGap(const Span& gap) {
  gaps_.Add(gap);
  commits_.Touch();
}

void Part::PassGaps(std::uint64_t number) {
  if (gaps_.Pass(number)) commits_.Touch();
}

kafka::GroupOffset Part::offset() const {
  const std::int64_t prefix = ledger_.prefix();
  if (bare_) return {partition_, prefix, ""};
  CommitMetadata metadata;
  for (const auto& [failed, count] : failures_) {
    if (!ledger_.IsSettled(failed)) metadata.failures.push_back({failed, count});
  }
  metadata.mark = caution_.mark(open_, prefix);
  metadata.settled = ledger_.settled();
  metadata.gaps = gaps_.spans();
  return {partition_, prefix, FormatCommitMetadata(metadata, prefix)};
}

EventPtr Part::first_unsettled() const { return held_.empty() ? nullptr : held_.front(); }

void Part::Drop() {
  held_.clear();
  ready_.clear();
  lines_ = {};
}

void Part::DropSettled() {
  while (!held_.empty() && held_.front()->state == State::kSettled) held_.pop_front();
  while (!failures_.empty() && failures_.begin()->first < ledger_.prefix()) {
    failures_.erase(failures_.begin());
  }
}

}  // namespace eventbus::bus
