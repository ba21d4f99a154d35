#pragma once

#include <string>
#include <vector>

#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/error.h"
#include "server/bus/group.h"
#include "server/event/catalog.h"

namespace eventbus::rpc {

// Reads how the events of `group` are settled into `options`, whose group id and topics (none: all
// of `catalog`) are read already, and adds what is wrong to `violations`. With dead letters the
// group's id is held to the length that leaves `<topic>.<group>.dlq` a topic's name. Pure.
void ReadSettling(const v1::Group& group, const event::Catalog& catalog, bus::GroupOptions& options,
                  std::vector<FieldViolation>& violations);

}  // namespace eventbus::rpc
