#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/bus/tail.h"
#include "server/event/catalog.h"

namespace eventbus::rpc {

// Reads a SubscribeRequest and holds it to the bounds of the API. Errors: REQUEST_INVALID (not
// protobuf, or out of bounds: every field that is) and UNKNOWN_FIELD (at any depth). `client_id` of
// the result is Kafka's: `eventbus/<host>/<client_id>`. The stream's id is left for the caller.
absl::StatusOr<bus::TailOptions> ParseSubscribe(absl::string_view bytes,
                                                const event::Catalog& catalog,
                                                const std::string& host);

}  // namespace eventbus::rpc
