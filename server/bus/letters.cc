#include "server/bus/letters.h"

#include <algorithm>

namespace eventbus::bus {

void Letters::Add(Letter letter, absl::Time now) {
  letters_[++last_] = {std::move(letter), 0, false, now};
}

std::vector<std::pair<Letters::Id, Letters::Letter>> Letters::TakeDue(absl::Time now) {
  std::vector<std::pair<Id, Letter>> due;
  for (auto& [id, entry] : letters_) {
    if (entry.writing || entry.due > now) continue;
    entry.writing = true;
    ++writing_;
    due.emplace_back(id, entry.letter);
  }
  return due;
}

EventPtr Letters::Written(Id id) {
  const auto found = letters_.find(id);
  if (found == letters_.end()) return nullptr;
  EventPtr event = std::move(found->second.letter.event);
  letters_.erase(found);
  --writing_;
  return event;
}

void Letters::Failed(Id id, absl::Time now) {
  const auto found = letters_.find(id);
  if (found == letters_.end()) return;
  Entry& entry = found->second;
  entry.writing = false;
  --writing_;
  const int doublings = std::min(entry.failures++, 6);
  entry.due = now + std::min(kMaxBackoff, kMinBackoff * (1 << doublings));
}

void Letters::DropGone() {
  std::erase_if(letters_, [this](const auto& each) {
    if (each.second.letter.event->state != HeldEvent::State::kGone) return false;
    if (each.second.writing) --writing_;
    return true;
  });
}

absl::Time Letters::next_due() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [id, entry] : letters_) {
    if (!entry.writing) next = std::min(next, entry.due);
  }
  return next;
}

bool Letters::HasFailed(const HeldEvent& event) const {
  return std::any_of(letters_.begin(), letters_.end(), [&event](const auto& each) {
    return each.second.letter.event.get() == &event && each.second.failures > 0;
  });
}

}  // namespace eventbus::bus
