#include "server/bus/cursors.h"

#include <algorithm>

namespace eventbus::bus {
namespace {

Cursors::Cursor Begun(const kafka::TopicPartition& partition, std::int64_t start,
                      std::int64_t end) {
  return {partition, start, start, std::max(end, start), std::max(end, start)};
}

}  // namespace

void Cursors::Add(const kafka::TopicPartition& partition, std::int64_t start, std::int64_t end,
                  bool unsure) {
  Cursor cursor = Begun(partition, start, end);
  cursor.unsure = unsure;
  const auto place = std::lower_bound(
      cursors_.begin(), cursors_.end(), partition,
      [](const Cursor& c, const kafka::TopicPartition& p) { return c.partition < p; });
  cursors_.insert(place, cursor);
}

// Readers have a few dozen partitions: a scan of one cache line each is the fastest there is.
int Cursors::Find(absl::string_view topic, std::int32_t partition) const {
  for (std::size_t i = 0; i < cursors_.size(); ++i) {
    if (cursors_[i].partition.partition == partition && cursors_[i].partition.topic == topic) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

void Cursors::StartOver(int index, std::int64_t start, std::int64_t end) {
  at(index) = Begun(at(index).partition, start, end);
}

void Cursors::Confirm(int index) {
  at(index).confirmed = true;
  at(index).unsure = false;
}

void Cursors::DeliverAll() {
  for (Cursor& cursor : cursors_) cursor.delivered = cursor.read;
}

void Cursors::Doubt() {
  for (Cursor& cursor : cursors_) cursor.confirmed = false;
}

bool Cursors::CaughtUp() const {
  return std::all_of(cursors_.begin(), cursors_.end(),
                     [](const Cursor& c) { return !c.unsure && c.delivered >= c.end_at_start; });
}

bool Cursors::AllRead() const {
  return std::all_of(cursors_.begin(), cursors_.end(),
                     [](const Cursor& c) { return !c.unsure && c.read >= c.end_at_start; });
}

ResumeToken Cursors::Token(const std::string& cluster_id) const {
  ResumeToken token;
  token.cluster_id = cluster_id;
  for (const Cursor& cursor : cursors_) {
    token.positions.emplace(cursor.partition, cursor.delivered);
  }
  return token;
}

std::vector<kafka::StartOffset> Cursors::ReadPositions() const {
  std::vector<kafka::StartOffset> positions;
  positions.reserve(cursors_.size());
  for (const Cursor& cursor : cursors_) positions.push_back({cursor.partition, cursor.read});
  return positions;
}

}  // namespace eventbus::bus
