#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/bus/positions.h"
#include "server/event/catalog.h"
#include "server/kafka/admin.h"
#include "server/kafka/consumer.h"

namespace eventbus::bus {

// What a group's stream is to read.
struct GroupSourceRequest {
  std::string group_id;
  // None: those of the catalog that exist, later ones as they appear.
  std::vector<std::string> topics;
  // Where the group has no offset.
  Start initial_position = Earliest{};
  // Kafka's client.id of the consumer.
  std::string client_id;
};

// A consumer on its way into the group.
struct GroupSource {
  std::shared_ptr<kafka::GroupConsumer> consumer;
  std::vector<std::string> topics;
  // Every partition of the catalog's topics.
  std::set<kafka::TopicPartition> known;
};

// Finds the topics, has them prepared, opens a consumer and joins. Blocks for look-ups: for the
// blocking pool. Errors: those of `prepare`, which is given the topics; TOPIC_NOT_FOUND,
// REQUEST_INVALID (an initial position that does not fit this cluster), KAFKA_UNAVAILABLE.
using PrepareTopics = absl::FunctionRef<absl::Status(const std::vector<std::string>&)>;
absl::StatusOr<GroupSource> OpenGroupSource(const GroupSourceRequest& request,
                                            const event::Catalog& catalog, kafka::Admin& admin,
                                            kafka::ConsumerFactory& consumers,
                                            PrepareTopics prepare,
                                            absl::AnyInvocable<void()> on_ready);

// What Kafka has of partitions that were assigned.
struct GroupView {
  std::vector<PartitionView> views;
  std::vector<kafka::GroupOffset> committed;
  // Those that have no leader now: the group has an offset for each, and nobody can read or write
  // there.
  std::vector<kafka::TopicPartition> leaderless;
};

// Looks `partitions` up, times only where `initial` needs them. Blocks for several look-ups.
// Errors: KAFKA_UNAVAILABLE (also where none has a leader, or one without an offset has none),
// GROUP_DENIED, SUBSCRIBE_DENIED, TOPIC_NOT_FOUND, UNSUPPORTED.
absl::StatusOr<GroupView> LookUpGroup(const std::vector<kafka::TopicPartition>& partitions,
                                      const Start& initial, kafka::GroupConsumer& consumer);

}  // namespace eventbus::bus
