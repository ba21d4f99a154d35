#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/rdkafka/config.h"
#include "server/rdkafka/handles.h"

namespace eventbus::rdkafka {

// librdkafka's configuration objects for `config`: our settings, then the operator's.
// INVALID_ARGUMENT where librdkafka refuses one.

enum class ProducerUse {
  // Many events of a bounded size.
  kEvents,
  // Now and then a record of another producer's, of whatever size Kafka took it.
  kForeignRecords,
};

// acks=all, idempotent, murmur2_random, no linger. Events: delivery reports and errors.
absl::StatusOr<ConfHolder> MakeProducerConf(const ClientConfig& config,
                                            ProducerUse use = ProducerUse::kEvents);

// Nothing is committed or reset; read_committed; partition ends are told; a small prefetch.
absl::StatusOr<ConfHolder> MakeConsumerConf(const ClientConfig& config,
                                            const std::string& client_id);

// The same for a member of `group_id`.
absl::StatusOr<ConfHolder> MakeGroupConf(const ClientConfig& config, const std::string& group_id,
                                         const std::string& client_id);

absl::StatusOr<ConfHolder> MakeAdminConf(const ClientConfig& config);

// rd_kafka_new. INVALID_ARGUMENT with librdkafka's own words where it refuses `conf`.
absl::StatusOr<ClientHolder> MakeClient(rd_kafka_type_t type, ConfHolder conf);

}  // namespace eventbus::rdkafka
