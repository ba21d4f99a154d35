#include "server/bus/positions.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"

namespace eventbus::bus {
namespace {

std::int64_t StartOf(const Latest&, const PartitionView& view) { return view.marks.end; }

std::int64_t StartOf(const Earliest&, const PartitionView& view) { return view.marks.begin; }

std::int64_t StartOf(const AtTime&, const PartitionView& view) {
  return view.offset_for_time < 0 ? view.marks.end : view.offset_for_time;
}

// A partition that the token does not list was not there, or not read: it starts at its oldest.
std::int64_t StartOf(const ResumeToken& token, const PartitionView& view) {
  const auto found = token.positions.find(view.partition);
  return found == token.positions.end() ? view.marks.begin : found->second;
}

std::int64_t StartOf(const AtOffsets& offsets, const PartitionView& view) {
  for (const kafka::StartOffset& position : offsets.positions) {
    if (position.partition == view.partition) return position.offset;
  }
  return offsets.others_earliest ? view.marks.begin : view.marks.end;
}

}  // namespace

absl::optional<Lost> FindLost(const kafka::TopicPartition& partition, std::int64_t offset,
                              const kafka::Watermarks& marks) {
  if (offset < marks.begin) return Lost{partition, offset, marks.begin, Lost::Cause::kRetention};
  if (offset > marks.end) return Lost{partition, offset, marks.end, Lost::Cause::kPastEnd};
  return absl::nullopt;
}

absl::Status CheckStart(const Start& start, const std::string& path, const std::string& cluster_id,
                        const std::vector<kafka::TopicPartition>& partitions) {
  std::vector<FieldViolation> violations;
  if (const auto* token = std::get_if<ResumeToken>(&start)) {
    if (token->cluster_id != cluster_id) {
      violations.push_back(
          {path + ".resume_token",
           absl::StrCat("made on cluster ", token->cluster_id, ", this one is ", cluster_id)});
    }
  } else if (const auto* offsets = std::get_if<AtOffsets>(&start)) {
    for (std::size_t i = 0; i < offsets->positions.size(); ++i) {
      const kafka::TopicPartition& named = offsets->positions[i].partition;
      if (std::find(partitions.begin(), partitions.end(), named) != partitions.end()) continue;
      violations.push_back({absl::StrCat(path, ".offsets.positions[", i, "]"),
                            absl::StrCat("partition ", named.partition, " of ", named.topic,
                                         ", a partition of a topic that is read is required")});
    }
  }
  if (violations.empty()) return absl::OkStatus();
  return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID, std::move(violations));
}

std::int64_t StartIn(const Start& start, const PartitionView& view) {
  return std::visit([&view](const auto& kind) { return StartOf(kind, view); }, start);
}

absl::StatusOr<std::vector<kafka::StartOffset>> ResolveStart(
    const Start& start, const std::string& cluster_id,
    const std::vector<PartitionView>& partitions) {
  std::vector<kafka::TopicPartition> read;
  read.reserve(partitions.size());
  for (const PartitionView& view : partitions) read.push_back(view.partition);
  if (absl::Status status = CheckStart(start, "tail.start", cluster_id, read); !status.ok()) {
    return status;
  }
  std::vector<kafka::StartOffset> positions;
  positions.reserve(partitions.size());
  for (const PartitionView& view : partitions) {
    positions.push_back({view.partition, StartIn(start, view)});
  }
  return positions;
}

}  // namespace eventbus::bus
