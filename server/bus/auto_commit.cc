#include "server/bus/auto_commit.h"

#include <algorithm>

namespace eventbus::bus {

void AutoCommit::Add(const kafka::TopicPartition& partition, std::int64_t position,
                     std::int64_t /*end*/, const absl::optional<kafka::GroupOffset>& known) {
  const bool readable = known.has_value() && known->offset == position;
  const std::int64_t committed = readable ? position : -1;
  Offsets& offsets = partitions_[partition] = {position, position, committed, committed};
  offsets.first = known.has_value() ? known->offset : position;
}

// What is told of may lie before what the group has: its commits do not go back there.
void AutoCommit::AddGap(const kafka::TopicPartition& partition, const Span& gap) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  Offsets& offsets = found->second;
  offsets.held_at = std::min(offsets.held_at, std::max(gap.begin, offsets.first));
  offsets.gaps_end = gap.end;
}

void AutoCommit::TellGaps(const kafka::TopicPartition& partition, std::int64_t end) {
  const auto found = partitions_.find(partition);
  if (found != partitions_.end()) found->second.telling = end;
}

void AutoCommit::Remove(const kafka::TopicPartition& partition) { partitions_.erase(partition); }

void AutoCommit::Take(const Cursors& cursors) {
  for (const Cursors::Cursor& cursor : cursors.all()) {
    const auto found = partitions_.find(cursor.partition);
    if (found != partitions_.end()) found->second.taken = cursor.delivered;
  }
}

void AutoCommit::Written() {
  for (auto& [partition, offsets] : partitions_) {
    offsets.written = offsets.taken;
    if (offsets.telling >= offsets.gaps_end) offsets.held_at = Offsets().held_at;
  }
}

bool AutoCommit::due() const {
  return std::any_of(partitions_.begin(), partitions_.end(),
                     [](const auto& each) { return each.second.due() != each.second.sent; });
}

bool AutoCommit::first_due() const {
  return std::any_of(partitions_.begin(), partitions_.end(),
                     [](const auto& each) { return each.second.committed < 0; });
}

std::vector<kafka::GroupOffset> AutoCommit::TakeDue() {
  std::vector<kafka::GroupOffset> due;
  for (auto& [partition, offsets] : partitions_) {
    if (offsets.due() == offsets.sent) continue;
    offsets.sent = offsets.due();
    due.push_back({partition, offsets.sent, ""});
  }
  return due;
}

std::vector<kafka::GroupOffset> AutoCommit::TakeLast() {
  for (auto& [partition, offsets] : partitions_) offsets.sent = offsets.committed;
  return TakeDue();
}

void AutoCommit::Committed(const std::vector<kafka::GroupOffset>& offsets) {
  for (const kafka::GroupOffset& each : offsets) {
    const auto found = partitions_.find(each.partition);
    if (found != partitions_.end()) found->second.committed = each.offset;
  }
}

// What was sent after it stands for itself.
void AutoCommit::Failed(const std::vector<kafka::GroupOffset>& offsets,
                        const absl::Status& /*why*/) {
  for (const kafka::GroupOffset& each : offsets) {
    const auto found = partitions_.find(each.partition);
    if (found == partitions_.end() || found->second.sent != each.offset) continue;
    found->second.sent = found->second.committed;
  }
}

}  // namespace eventbus::bus
