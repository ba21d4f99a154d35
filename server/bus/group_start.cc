#include "server/bus/group_start.h"

#include "server/bus/commit_metadata.h"

namespace eventbus::bus {
namespace {

// What lies past the offset is read, or lost, once more.
std::vector<Lost> FindUntold(const kafka::GroupOffset& committed) {
  std::vector<Lost> untold;
  const auto metadata = ParseCommitMetadata(committed.metadata, committed.offset);
  if (!metadata.has_value()) return untold;
  for (const Span& gap : metadata->gaps) {
    if (gap.end > committed.offset) break;
    untold.push_back({committed.partition, gap.begin, gap.end, Lost::Cause::kRetention});
  }
  return untold;
}

}  // namespace

GroupStart FindGroupStart(const GroupPartition& partition, const Start& initial, GapPolicy policy) {
  const PartitionView& view = partition.view;
  if (partition.committed.offset >= 0) {
    const std::int64_t offset = partition.committed.offset;
    // Where a transaction is open, a member that does not wait for it may be past what is shown of
    // this log. Whether it is another log is told by reading.
    GroupStart start{view.partition, offset, view.marks.end, absl::nullopt};
    if (offset <= view.marks.end) {
      start = FindNextStart(view.partition, offset, view.marks, policy);
    }
    start.known = partition.committed;
    start.untold = FindUntold(partition.committed);
    return start;
  }
  const std::int64_t offset = partition.appeared ? view.marks.begin : StartIn(initial, view);
  return FindNextStart(view.partition, offset, view.marks, policy);
}

GroupStart FindNextStart(const kafka::TopicPartition& partition, std::int64_t offset,
                         const kafka::Watermarks& marks, GapPolicy policy) {
  GroupStart start{partition, offset, marks.end, absl::nullopt, FindLost(partition, offset, marks)};
  if (!start.lost.has_value()) return start;
  start.offset = policy == GapPolicy::kLatest ? marks.end : marks.begin;
  start.lost->next_offset = start.offset;
  return start;
}

}  // namespace eventbus::bus
