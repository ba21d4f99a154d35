#include "server/bus/group_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/bus/tail_source.h"

namespace eventbus::bus {
namespace {

std::vector<std::string> Names(const event::Catalog& catalog) {
  std::vector<std::string> names;
  for (const event::Topic& topic : catalog.topics()) names.push_back(topic.name);
  return names;
}

absl::Status NoLeader(const kafka::TopicPartition& partition) {
  return MakeRetryError(
      v1::ERROR_REASON_KAFKA_UNAVAILABLE,
      absl::StrCat("partition ", partition.partition, " of ", partition.topic, " has no leader"));
}

}  // namespace

absl::StatusOr<GroupSource> OpenGroupSource(const GroupSourceRequest& request,
                                            const event::Catalog& catalog, kafka::Admin& admin,
                                            kafka::ConsumerFactory& consumers,
                                            PrepareTopics prepare,
                                            absl::AnyInvocable<void()> on_ready) {
  const auto metadata = admin.Describe(kLookUpTimeout);
  if (!metadata.ok()) return metadata.status();
  auto topics = FindTopics(request.topics, catalog, *metadata);
  if (!topics.ok()) return topics.status();
  if (absl::Status status = CheckStart(request.initial_position, "group.initial_position",
                                       metadata->cluster_id, PartitionsOf(*topics, *metadata));
      !status.ok()) {
    return status;
  }
  if (absl::Status status = prepare(*topics); !status.ok()) return status;
  auto consumer =
      consumers.MakeGroupConsumer(request.group_id, request.client_id, std::move(on_ready));
  if (!consumer.ok()) return consumer.status();
  if (absl::Status status = (*consumer)->Join(*topics); !status.ok()) return status;
  const std::vector<kafka::TopicPartition> all = PartitionsOf(Names(catalog), *metadata);
  return GroupSource{*std::move(consumer), *std::move(topics), {all.begin(), all.end()}};
}

absl::StatusOr<GroupView> LookUpGroup(const std::vector<kafka::TopicPartition>& partitions,
                                      const Start& initial, kafka::GroupConsumer& consumer) {
  auto committed = consumer.QueryCommitted(partitions, kLookUpTimeout);
  if (!committed.ok()) return committed.status();
  const auto marks = consumer.QueryLedWatermarks(partitions, kLookUpTimeout);
  if (!marks.ok()) return marks.status();
  GroupView view;
  std::vector<kafka::TopicPartition> led;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    if ((*marks)[i].end < 0) {
      if ((*committed)[i].offset < 0) return NoLeader(partitions[i]);
      view.leaderless.push_back(partitions[i]);
      continue;
    }
    led.push_back(partitions[i]);
    view.views.push_back({partitions[i], (*marks)[i], -1});
    view.committed.push_back(std::move((*committed)[i]));
  }
  if (led.empty() && !partitions.empty()) return NoLeader(partitions[0]);
  const bool any_new = std::any_of(view.committed.begin(), view.committed.end(),
                                   [](const auto& each) { return each.offset < 0; });
  if (const auto* at = std::get_if<AtTime>(&initial); at != nullptr && any_new) {
    const auto offsets = consumer.QueryOffsetsForTime(led, at->time, kLookUpTimeout);
    if (!offsets.ok()) return offsets.status();
    for (std::size_t i = 0; i < led.size(); ++i) view.views[i].offset_for_time = (*offsets)[i];
  }
  return view;
}

}  // namespace eventbus::bus
