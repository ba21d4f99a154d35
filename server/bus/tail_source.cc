#include "server/bus/tail_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"

namespace eventbus::bus {
namespace {

absl::Status TopicNotFound(const std::string& topic, absl::string_view message) {
  ErrorDetails details;
  details.reason = v1::ERROR_REASON_TOPIC_NOT_FOUND;
  details.topic = topic;
  return MakeError(details, message);
}

absl::StatusOr<std::vector<PartitionView>> View(const TailSourceRequest& request,
                                                std::vector<kafka::TopicPartition> partitions,
                                                LookUps& look_ups) {
  const auto marks = look_ups.QueryWatermarks(partitions, kLookUpTimeout);
  if (!marks.ok()) return marks.status();
  std::vector<std::int64_t> times(partitions.size(), -1);
  if (const auto* at = std::get_if<AtTime>(&request.start)) {
    auto offsets = look_ups.QueryOffsetsForTime(partitions, at->time, kLookUpTimeout);
    if (!offsets.ok()) return offsets.status();
    times = *std::move(offsets);
  }
  std::vector<PartitionView> views;
  views.reserve(partitions.size());
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    views.push_back({std::move(partitions[i]), (*marks)[i], times[i]});
  }
  return views;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FindTopics(const std::vector<std::string>& named,
                                                    const event::Catalog& catalog,
                                                    const kafka::ClusterMetadata& metadata) {
  for (const std::string& topic : named) {
    if (metadata.topics.contains(topic)) continue;
    return TopicNotFound(topic, absl::StrCat("topic ", topic, " is not on this cluster"));
  }
  if (!named.empty()) return named;
  std::vector<std::string> topics;
  for (const event::Topic& topic : catalog.topics()) {
    if (metadata.topics.contains(topic.name)) topics.push_back(topic.name);
  }
  if (topics.empty()) {
    return TopicNotFound(catalog.topics()[0].name,
                         "none of the schema's topics is on this cluster");
  }
  return topics;
}

std::vector<kafka::TopicPartition> PartitionsOf(const std::vector<std::string>& topics,
                                                const kafka::ClusterMetadata& metadata) {
  std::vector<kafka::TopicPartition> partitions;
  for (const std::string& topic : topics) {
    const auto found = metadata.topics.find(topic);
    if (found == metadata.topics.end()) continue;
    for (std::int32_t i = 0; i < found->second.partitions; ++i) partitions.push_back({topic, i});
  }
  std::sort(partitions.begin(), partitions.end());
  return partitions;
}

absl::StatusOr<TailSource> FindTailSource(const TailSourceRequest& request,
                                          const event::Catalog& catalog, kafka::Admin& admin,
                                          LookUps& look_ups) {
  const auto metadata = admin.Describe(kLookUpTimeout);
  if (!metadata.ok()) return metadata.status();
  const auto topics = FindTopics(request.topics, catalog, *metadata);
  if (!topics.ok()) return topics.status();
  const auto views = View(request, PartitionsOf(*topics, *metadata), look_ups);
  if (!views.ok()) return views.status();
  const auto positions = ResolveStart(request.start, metadata->cluster_id, *views);
  if (!positions.ok()) return positions.status();

  TailSource source;
  source.cluster_id = metadata->cluster_id;
  for (std::size_t i = 0; i < views->size(); ++i) {
    const PartitionView& view = (*views)[i];
    const std::int64_t start = (*positions)[i].offset;
    source.cursors.Add(view.partition, start, view.marks.end);
    if (auto lost = FindLost(view.partition, start, view.marks)) {
      source.lost.push_back(*std::move(lost));
    }
  }
  return source;
}

}  // namespace eventbus::bus
