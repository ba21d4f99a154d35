#include "server/bus/untold_gaps.h"

namespace eventbus::bus {

// What was told of one of two says nothing of both: the next stream tells it.
void UntoldGaps::Add(const Span& gap) {
  gaps_.push_back({gap, absl::nullopt});
  if (gaps_.size() <= kMost) return;
  gaps_[1].span.begin = gaps_[0].span.begin;
  gaps_[1].told_before.reset();
  gaps_.erase(gaps_.begin());
}

void UntoldGaps::Tell(std::int64_t end, std::uint64_t next) {
  for (Gap& gap : gaps_) {
    if (gap.span.end <= end && !gap.told_before.has_value()) gap.told_before = next;
  }
}

bool UntoldGaps::Pass(std::uint64_t number) {
  return std::erase_if(gaps_, [number](const Gap& gap) {
           return gap.told_before.has_value() && number >= *gap.told_before;
         }) > 0;
}

std::vector<Span> UntoldGaps::spans() const {
  std::vector<Span> spans;
  spans.reserve(gaps_.size());
  for (const Gap& gap : gaps_) spans.push_back(gap.span);
  return spans;
}

}  // namespace eventbus::bus
