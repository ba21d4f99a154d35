#pragma once

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "server/bus/group.h"
#include "server/bus/tail.h"
#include "server/event/catalog.h"

namespace eventbus::rpc {

// What a server adds to the requests it gets.
struct SubscribeDefaults {
  // Names this server in Kafka's client ids.
  std::string host;
  // For a group without an id (KAFKA_GROUP_ID); may be empty.
  std::string group_id;
  // Where a group starts that does not say (KAFKA_AUTO_OFFSET_RESET).
  bus::Start group_start = bus::Earliest{};
  absl::Duration commit_interval = absl::Seconds(1);
  // As bus::SettlingOptions has it.
  std::int64_t max_span = 10'000;
};

using SubscribeOptions = std::variant<bus::TailOptions, bus::GroupOptions>;

// Reads a SubscribeRequest and holds it to the bounds of the API. Errors: REQUEST_INVALID (not
// protobuf, or out of bounds: every field that is) and UNKNOWN_FIELD (at any depth). `client_id` of
// the result is Kafka's: `eventbus/<host>/<client_id>`. The stream's id is left for the caller.
absl::StatusOr<SubscribeOptions> ParseSubscribe(absl::string_view bytes,
                                                const event::Catalog& catalog,
                                                const SubscribeDefaults& defaults);

// The same of a request that is parsed and has no unknown field; `path` stands before the fields of
// what is wrong.
absl::StatusOr<SubscribeOptions> ReadSubscribe(const v1::SubscribeRequest& request,
                                               const event::Catalog& catalog,
                                               const SubscribeDefaults& defaults,
                                               absl::string_view path);

}  // namespace eventbus::rpc
