#include "server/bus/group_start.h"

namespace eventbus::bus {

GroupStart FindGroupStart(const GroupPartition& partition, const Start& initial, GapPolicy policy) {
  const PartitionView& view = partition.view;
  if (partition.committed.offset >= 0) {
    const std::int64_t offset = partition.committed.offset;
    // Where a transaction is open, a member that does not wait for it may be past what is shown of
    // this log. Whether it is another log is told by reading.
    if (offset > view.marks.end) {
      return {view.partition, offset, view.marks.end, partition.committed, absl::nullopt};
    }
    GroupStart start = FindNextStart(view.partition, offset, view.marks, policy);
    start.known = partition.committed;
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
