#pragma once

#include <string>
#include <vector>

#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/error.h"
#include "server/bus/positions.h"
#include "server/event/catalog.h"

namespace eventbus::rpc {

// Reads `start` and adds what is wrong with it to `violations`, below `path`. `unset` is what an
// unset position means, and decides where partitions start that `offsets` does not list. `topics`:
// those that are read; none: all of `catalog`. Pure.
bus::Start ReadStart(const v1::StartPosition& start, const std::string& path,
                     const bus::Start& unset, const std::vector<std::string>& topics,
                     const event::Catalog& catalog, std::vector<FieldViolation>& violations);

}  // namespace eventbus::rpc
