#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/bus/cursors.h"
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
  // Kafka's client.id of the consumer.
  std::string client_id;
};

// A consumer at its positions, not yet reading where something is lost.
struct TailSource {
  std::shared_ptr<kafka::Consumer> consumer;
  std::string cluster_id;
  Cursors cursors;
  // Positions that cannot be read; while there are any, nothing is assigned.
  std::vector<Lost> lost;
};

// How long one look-up in Kafka may take.
inline constexpr absl::Duration kLookUpTimeout = absl::Seconds(10);

// Finds the topics, opens a consumer, fixes every position and begins to read. Blocks for several
// look-ups: for the blocking pool. Errors: TOPIC_NOT_FOUND, REQUEST_INVALID (a start that does not
// fit this cluster), UNSUPPORTED, KAFKA_UNAVAILABLE, SUBSCRIBE_DENIED.
absl::StatusOr<TailSource> OpenTailSource(const TailSourceRequest& request,
                                          const event::Catalog& catalog, kafka::Admin& admin,
                                          kafka::ConsumerFactory& consumers,
                                          absl::AnyInvocable<void()> on_ready);

// The topics of `catalog` that `metadata` has, or those of `named`; TOPIC_NOT_FOUND names the first
// that is missing. Pure.
absl::StatusOr<std::vector<std::string>> FindTopics(const std::vector<std::string>& named,
                                                    const event::Catalog& catalog,
                                                    const kafka::ClusterMetadata& metadata);

// Every partition of `topics`, sorted. Pure.
std::vector<kafka::TopicPartition> PartitionsOf(const std::vector<std::string>& topics,
                                                const kafka::ClusterMetadata& metadata);

}  // namespace eventbus::bus
