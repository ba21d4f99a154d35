#include "server/bus/number_ranges.h"

namespace eventbus::bus {

void NumberRanges::Add(std::uint64_t number) {
  const auto last = begins_.find(number);
  const std::uint64_t begin = last == begins_.end() ? number : last->second;
  if (last != begins_.end()) begins_.erase(last);
  begins_[number + 1] = begin;
  if (begins_.size() > most_ranges_) begins_.erase(begins_.begin());
}

bool NumberRanges::Contains(std::uint64_t number) const {
  const auto found = begins_.upper_bound(number);
  return found != begins_.end() && found->second <= number;
}

}  // namespace eventbus::bus
