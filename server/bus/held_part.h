#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "server/kafka/record.h"

namespace eventbus::bus {

// The first event of a partition that is not settled.
struct FirstUnsettled {
  kafka::KeptRecord record;
  absl::Time read_at;
  // 1 and its failures so far.
  int delivery_attempt = 1;
};

// A partition of a stream whose events are settled, as people are told of it.
struct HeldPart {
  kafka::TopicPartition partition;
  // UNSPECIFIED: its committed offset moves.
  v1::BlockedReason blocked = v1::BLOCKED_REASON_UNSPECIFIED;
  absl::Time blocked_since;
  absl::optional<FirstUnsettled> first;
  // Events that are with the client and not settled.
  std::int64_t outstanding = 0;
  // Deliveries are few at a time up to there; unset: they are not.
  absl::optional<std::int64_t> careful_until;
};

}  // namespace eventbus::bus
