#include "server/bus/number_ranges.h"

namespace eventbus::bus {

void NumberRanges::Add(std::uint64_t number) {
  const auto after = begins_.upper_bound(number);
  if (after != begins_.end() && after->second <= number) return;
  std::uint64_t begin = number;
  if (const auto before = begins_.find(number); before != begins_.end()) {
    begin = before->second;
    begins_.erase(before);
  }
  if (after != begins_.end() && after->second == number + 1) {
    after->second = begin;
  } else {
    begins_[number + 1] = begin;
  }
  if (begins_.size() > most_ranges_) begins_.erase(begins_.begin());
}

bool NumberRanges::Contains(std::uint64_t number) const {
  const auto found = begins_.upper_bound(number);
  return found != begins_.end() && found->second <= number;
}

}  // namespace eventbus::bus
