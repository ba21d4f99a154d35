#include "server/bus/group_report.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/error.h"
#include "server/base/mutex.h"
#include "server/bus/group_offsets.h"
#include "server/kafka/admin.h"

namespace eventbus::bus {
namespace {

constexpr absl::Duration kHeldTimeout = absl::Seconds(1);
// Kafka's word for a group that there is not.
constexpr char kNoGroup[] = "Dead";
// How the names of Kafka's own topics begin.
constexpr char kInternal[] = "__";

// What the streams answer, while Kafka is asked. Shared with them: they may be later than whoever
// waits.
class Held {
 public:
  static std::shared_ptr<Held> Ask(const std::string& group, GroupInspector& inspector) {
    auto held = std::make_shared<Held>();
    inspector.Inspect(group, [held](std::vector<HeldStream> streams) {
      MutexLock lock(held->mu_);
      held->streams_ = std::move(streams);
      held->changed_.NotifyAll();
    });
    return held;
  }

  std::vector<HeldStream> Wait(absl::Duration timeout) {
    const absl::Time deadline = absl::Now() + timeout;
    MutexLock lock(mu_);
    while (!streams_.has_value() && absl::Now() < deadline) {
      changed_.WaitFor(mu_, deadline - absl::Now());
    }
    return streams_.value_or(std::vector<HeldStream>());
  }

 private:
  Mutex mu_;
  CondVar changed_;
  absl::optional<std::vector<HeldStream>> streams_ ABSL_GUARDED_BY(mu_);
};

void AddHeld(const std::vector<HeldStream>& streams, GroupReport& report) {
  for (const HeldStream& stream : streams) {
    for (const HeldPartition& partition : stream.partitions) {
      auto& held = report.partitions[partition.partition].held;
      if (!held.has_value()) held = {stream.stream_id, stream.client_id, {partition}};
    }
  }
}

// Every partition of the cluster: Kafka forgets a group's offsets of a topic with the topic.
std::vector<kafka::TopicPartition> AllPartitions(const kafka::ClusterMetadata& cluster) {
  std::vector<kafka::TopicPartition> all;
  for (const auto& [topic, metadata] : cluster.topics) {
    if (absl::StartsWith(topic, kInternal)) continue;
    for (std::int32_t i = 0; i < metadata.partitions; ++i) all.push_back({topic, i});
  }
  return all;
}

// Those of the report that there are: librdkafka waits for any other.
std::vector<kafka::TopicPartition> Existing(const GroupReport& report,
                                            const std::vector<kafka::TopicPartition>& all) {
  std::vector<kafka::TopicPartition> existing;
  for (const auto& [partition, unused] : report.partitions) {
    if (std::binary_search(all.begin(), all.end(), partition)) existing.push_back(partition);
  }
  return existing;
}

}  // namespace

absl::StatusOr<GroupReport> ReportGroup(const std::string& group, const Context& context,
                                        absl::Time deadline) {
  const auto left = [&] { return deadline - context.clock.Now(); };
  const auto held = Held::Ask(group, *context.inspector);
  GroupReport report;
  auto description = context.admin.DescribeGroup(group, left());
  if (!description.ok()) return description.status();
  report.description = *std::move(description);
  const auto cluster = context.admin.Describe(left());
  if (!cluster.ok()) return cluster.status();
  const auto all = AllPartitions(*cluster);
  const auto offsets = QueryGroupOffsets(group, all, context.consumers, left());
  if (!offsets.ok()) return offsets.status();
  if (report.description.state == kNoGroup && offsets->empty()) {
    return MakeError(v1::ERROR_REASON_GROUP_NOT_FOUND,
                     absl::StrCat("group: Kafka has no group ", group));
  }
  for (const auto& [partition, offset] : *offsets) report.partitions[partition].committed = offset;
  for (const kafka::GroupMember& member : report.description.members) {
    for (const kafka::TopicPartition& partition : member.assigned) report.partitions[partition];
  }
  AddHeld(held->Wait(std::min(kHeldTimeout, left())), report);
  const auto ends = context.admin.QueryEnds(Existing(report, all), left());
  if (!ends.ok()) return report;
  for (const auto& [partition, end] : *ends) report.partitions[partition].end = end;
  return report;
}

}  // namespace eventbus::bus
