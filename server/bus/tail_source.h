#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/bus/cursors.h"
#include "server/bus/look_ups.h"
#include "server/bus/positions.h"
#include "server/event/catalog.h"
#include "server/kafka/admin.h"
#include "server/kafka/consumer.h"

namespace eventbus::bus {

// What a tail is to read.
struct TailSourceRequest {
  // None: those of the catalog that exist.
  std::vector<std::string> topics;
  Start start = Latest{};
  // Kafka's client.id of the consumer, while there is one for this tail alone.
  std::string client_id;
};

// Where a tail begins.
struct TailSource {
  std::string cluster_id;
  Cursors cursors;
  // Positions that cannot be read.
  std::vector<Lost> lost;
};

// How long one look-up in Kafka may take.
inline constexpr absl::Duration kLookUpTimeout = absl::Seconds(10);

// Finds the topics and fixes every position. Blocks for several look-ups: for the blocking pool.
// Errors: TOPIC_NOT_FOUND, REQUEST_INVALID (a start that does not fit this cluster), UNSUPPORTED,
// KAFKA_UNAVAILABLE, SUBSCRIBE_DENIED.
absl::StatusOr<TailSource> FindTailSource(const TailSourceRequest& request,
                                          const event::Catalog& catalog, kafka::Admin& admin,
                                          LookUps& look_ups);

// The topics of `catalog` that `metadata` has, or those of `named`; TOPIC_NOT_FOUND names the first
// that is missing. Pure.
absl::StatusOr<std::vector<std::string>> FindTopics(const std::vector<std::string>& named,
                                                    const event::Catalog& catalog,
                                                    const kafka::ClusterMetadata& metadata);

// Every partition of `topics`, sorted. Pure.
std::vector<kafka::TopicPartition> PartitionsOf(const std::vector<std::string>& topics,
                                                const kafka::ClusterMetadata& metadata);

}  // namespace eventbus::bus
