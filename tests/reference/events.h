#pragma once

#include "eventbus/events/v1/event.pb.h"
#include "tests/reference/schema.h"

namespace eventbus::reference {

// The schema of this project's own events. Includes a generated class, so that a static link keeps
// its descriptors.
inline const Schema& DocumentedSchema() {
  static const Schema schema(*events::v1::Event::descriptor()->file()->pool());
  return schema;
}

}  // namespace eventbus::reference
