#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/kafka/record.h"

namespace eventbus::bus {

// What holds a partition's committed offset back; as eventbus.v1.BlockedReason.
enum class BlockedReason {
  kNone = 0,
  kUnsettled = 1,
  kSlowReader = 2,
  kRetryBackoff = 3,
  kDeadLetterUnwritable = 4,
};

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
  BlockedReason blocked = BlockedReason::kNone;
  absl::Time blocked_since;
  absl::optional<FirstUnsettled> first;
  // Events that are with the client and not settled.
  std::int64_t outstanding = 0;
  // Deliveries are few at a time up to there; unset: they are not.
  absl::optional<std::int64_t> careful_until;
};

}  // namespace eventbus::bus
