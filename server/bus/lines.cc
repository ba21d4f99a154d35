#include "server/bus/lines.h"

#include <algorithm>

namespace eventbus::bus {

void Lines::Add(EventPtr event, absl::Time due) {
  const auto& key = event->key();
  Name name(key.value_or(""), key.has_value() ? -1 : event->offset);
  Line& line = lines_[name];
  if (!line.empty()) dues_.erase({line.front().due, name});
  const auto at = std::upper_bound(
      line.begin(), line.end(), event->offset,
      [](std::int64_t offset, const Waiting& other) { return offset < other.event->offset; });
  line.insert(at, {std::move(event), due});
  const absl::Time first = line.front().due;
  dues_.emplace(first, std::move(name));
}

bool Lines::Holds(const absl::optional<absl::string_view>& key) const {
  return key.has_value() && !lines_.empty() && lines_.count({std::string(*key), -1}) > 0;
}

std::vector<EventPtr> Lines::TakeDue(absl::Time now) {
  std::vector<EventPtr> taken;
  while (!dues_.empty() && dues_.begin()->first <= now) {
    const Name name = dues_.begin()->second;
    dues_.erase(dues_.begin());
    const auto found = lines_.find(name);
    Line& line = found->second;
    for (; !line.empty() && line.front().due <= now; line.pop_front()) {
      taken.push_back(std::move(line.front().event));
    }
    if (line.empty()) {
      lines_.erase(found);
    } else {
      dues_.emplace(line.front().due, name);
    }
  }
  return taken;
}

absl::Time Lines::next_due() const {
  return dues_.empty() ? absl::InfiniteFuture() : dues_.begin()->first;
}

}  // namespace eventbus::bus
