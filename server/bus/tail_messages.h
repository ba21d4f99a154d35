#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bus/cursors.h"
#include "server/bus/held_part.h"
#include "server/bus/positions.h"
#include "server/bus/stream.h"

namespace eventbus::bus {

// What a subscription says besides events, each as a SubscribeResponse. Positions and tokens are
// those of what has been delivered. Groups have no resume token: their `cluster_id` is empty.
Message StartedMessage(const std::string& stream_id, const std::string& cluster_id,
                       const Cursors& cursors);
// What a heartbeat says of events that have to be settled.
struct Unsettled {
  // How long the oldest has been with the client; unset: there is none.
  absl::optional<absl::Duration> oldest;
  // The partitions that are held back, and the time at which they are.
  std::vector<HeldPart> blocked;
  absl::Time now;
};
Message HeartbeatMessage(const std::string& cluster_id, const Cursors& cursors,
                         const Unsettled& unsettled = {});
Message CaughtUpMessage(const std::string& cluster_id, const Cursors& cursors);
Message AssignmentMessage(const Cursors& cursors);
Message GapMessage(const Lost& lost);
Message DrainingMessage(absl::Duration remaining);

}  // namespace eventbus::bus
