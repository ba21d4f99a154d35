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
  committed_ = offset;
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
