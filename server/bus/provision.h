#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/event/catalog.h"
#include "server/kafka/admin.h"

namespace eventbus::bus {

// What Provision found and did.
struct ProvisionReport {
  // Topics made by this call.
  std::vector<std::string> created;
  // A sentence for everything that is not as the schema says; nothing of it was changed.
  std::vector<std::string> differences;
  // The topics' min.insync.replicas, a sentence each: what acks=all is worth.
  std::vector<std::string> durability;
};

// Creates the topics of `catalog` that the cluster lacks, with their partitions and retention and
// `replication_factor`, and reports how those that exist differ. Changes nothing that exists.
// Blocks. Errors: KAFKA_UNAVAILABLE, PUBLISH_DENIED (Kafka does not let us create topics),
// INTERNAL.
absl::StatusOr<ProvisionReport> Provision(const event::Catalog& catalog,
                                          std::int32_t replication_factor, kafka::Admin& admin,
                                          const Clock& clock, absl::Duration timeout);

}  // namespace eventbus::bus
