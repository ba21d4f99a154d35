#include "server/bus/part_commits.h"

#include <algorithm>

namespace eventbus::bus {

bool PartCommits::Take(const kafka::GroupOffset& now) {
  dirty_ = false;
  if (sent_ == now) {
    // The same offset and metadata: what was announced is in them.
    if (in_flight_.empty()) {
      confirmed_ = revision_;
    } else {
      in_flight_.back().revision = revision_;
    }
    return false;
  }
  Send(now);
  return true;
}

bool PartCommits::TakeLast(const kafka::GroupOffset& now) {
  dirty_ = false;
  if (in_flight_.empty() && sent_.has_value() && sent_ == now) {
    confirmed_ = revision_;
    return false;
  }
  Send(now);
  return true;
}

void PartCommits::Send(const kafka::GroupOffset& now) {
  sent_ = now;
  in_flight_.push_back({now, revision_});
  unconfirmed_.push_back(now);
  if (unconfirmed_.size() > kMostUnconfirmed) unconfirmed_.pop_front();
}

void PartCommits::Confirm(const kafka::GroupOffset& offset) {
  committed_ = offset;
  const auto sent = std::find(unconfirmed_.begin(), unconfirmed_.end(), offset);
  if (sent != unconfirmed_.end()) unconfirmed_.erase(unconfirmed_.begin(), sent + 1);
}

bool PartCommits::Recognize(const kafka::GroupOffset& offset) {
  if (committed_ == offset) return true;
  if (std::find(unconfirmed_.begin(), unconfirmed_.end(), offset) == unconfirmed_.end()) {
    return false;
  }
  Confirm(offset);
  return true;
}

absl::optional<std::uint64_t> PartCommits::Answer(const kafka::GroupOffset& offset) {
  const auto sent = std::find_if(in_flight_.begin(), in_flight_.end(),
                                 [&offset](const Sent& each) { return each.offset == offset; });
  if (sent == in_flight_.end()) return absl::nullopt;
  const std::uint64_t revision = sent->revision;
  in_flight_.erase(in_flight_.begin(), sent + 1);
  return revision;
}

void PartCommits::Committed(const kafka::GroupOffset& offset) {
  const auto revision = Answer(offset);
  if (!revision.has_value()) return;
  confirmed_ = std::max(confirmed_, *revision);
  Confirm(offset);
}

// What was sent after it may have come to Kafka or not: only what is sent from now on is known.
void PartCommits::Failed(const kafka::GroupOffset& offset) {
  Answer(offset);
  sent_.reset();
  dirty_ = true;
}

void PartCommits::Settle() {
  in_flight_.clear();
  sent_ = committed_;
  dirty_ = true;
}

}  // namespace eventbus::bus
