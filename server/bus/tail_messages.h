#pragma once

#include <string>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bus/cursors.h"
#include "server/bus/positions.h"
#include "server/bus/stream.h"

namespace eventbus::bus {

// What a subscription says besides events, each as a SubscribeResponse. Positions and tokens are
// those of what has been delivered. Groups have no resume token: their `cluster_id` is empty.
Message StartedMessage(const std::string& stream_id, const std::string& cluster_id,
                       const Cursors& cursors);
// `oldest`: how long the oldest event has been unsettled; unset: there is none.
Message HeartbeatMessage(const std::string& cluster_id, const Cursors& cursors,
                         absl::optional<absl::Duration> oldest = absl::nullopt);
Message CaughtUpMessage(const std::string& cluster_id, const Cursors& cursors);
Message AssignmentMessage(const Cursors& cursors);
Message GapMessage(const Lost& lost);
Message DrainingMessage(absl::Duration remaining);

}  // namespace eventbus::bus
