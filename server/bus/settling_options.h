#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace eventbus::bus {

// How the events of a group are settled, under ACK_MODE_EXPLICIT.
struct SettlingOptions {
  // Of events that are with the client, waiting, or about to be delivered, and not settled: reading
  // stops there. One event always fits. Those that are to be dead letters do not count: where they
  // cannot be written the others go on, but for a partition that has so many bytes of them.
  std::int64_t max_events = 1000;
  std::int64_t max_bytes = std::int64_t{16} << 20;
  // Offsets of one partition from the first that is not settled to the last read: there it is
  // paused. What a member that died may have delivered is found by it, too, so that the members of
  // a group should have the same.
  std::int64_t max_span = 10'000;

  // How long a retry waits: `min_backoff` doubled with each failure after the first, at most
  // `max_backoff`.
  absl::Duration min_backoff = absl::Seconds(1);
  absl::Duration max_backoff = absl::Seconds(60);

  // Whether there is a dead-letter topic: events go there that the client gives up, that cannot be
  // decoded, and that have failed `max_failures` times; 0: any number.
  bool dead_letters = false;
  int max_failures = 0;
};

}  // namespace eventbus::bus
