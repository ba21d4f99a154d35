#include "server/bus/group_source.h"

#include <algorithm>
#include <utility>

#include "server/bus/tail_source.h"

namespace eventbus::bus {
namespace {

std::vector<std::string> Names(const event::Catalog& catalog) {
  std::vector<std::string> names;
  for (const event::Topic& topic : catalog.topics()) names.push_back(topic.name);
  return names;
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
  const auto marks = consumer.QueryWatermarks(partitions, kLookUpTimeout);
  if (!marks.ok()) return marks.status();
  std::vector<std::int64_t> times(partitions.size(), -1);
  const bool any_new = std::any_of(committed->begin(), committed->end(),
                                   [](const auto& each) { return each.offset < 0; });
  if (const auto* at = std::get_if<AtTime>(&initial); at != nullptr && any_new) {
    auto offsets = consumer.QueryOffsetsForTime(partitions, at->time, kLookUpTimeout);
    if (!offsets.ok()) return offsets.status();
    times = *std::move(offsets);
  }
  GroupView view;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    view.views.push_back({partitions[i], (*marks)[i], times[i]});
  }
  view.committed = *std::move(committed);
  return view;
}

}  // namespace eventbus::bus
