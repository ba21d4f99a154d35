#pragma once

#include <cstddef>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/event/catalog.h"
#include "server/wire/plan.h"

namespace eventbus::wire {

// Which rules hold for an event that is written.
enum class Rules {
  // Those of Publish: what is required is there, ids are UUIDs, extra_json names no documented
  // member, event_id and timestamp are assigned where they are unset.
  kPublish,
  // Those of the wire alone: whatever was decoded can be written again.
  kRewrite,
};

struct EncodeOptions {
  Rules rules = Rules::kPublish;
  // The path that violations begin with: `event`, `requests[3].event`; for EncodeJson `json`.
  absl::string_view path = "event";
  // The most bytes the JSON may have.
  std::size_t max_bytes = 1'000'000;
  // Called at most once each, and only under kPublish for what is unset.
  absl::FunctionRef<std::string()> new_event_id;
  absl::FunctionRef<absl::Time()> now;
};

// An event ready for Kafka.
struct Encoded {
  const event::Topic* topic = nullptr;
  // As in the JSON; empty where it has none (kRewrite only).
  std::string event_id;
  // The value of the schema's key field; empty where it is unset (kRewrite only).
  std::string key;
  // The record's value.
  std::string json;
};

// Writes `event`, the protobuf bytes of an Event, as its documented JSON, in one pass and without
// building a message. Errors (base/error), every violation listed with its field path:
//   EVENT_INVALID     a rule is broken, or the bytes are not protobuf
//   UNKNOWN_FIELD     a field that the schema does not have, at any depth
//   EVENT_TOO_LARGE   more than max_bytes
// Thread-safe.
absl::StatusOr<Encoded> EncodeEvent(const Plan& plan, absl::string_view event,
                                    const EncodeOptions& options);

// Reads `json` by the rules of Decode, its family following from its event_type, then checks,
// completes and writes it like a typed event. A member that does not fit its field, unless it is a
// null that may stand there, is a violation that says what is allowed. Rules must be kPublish.
absl::StatusOr<Encoded> EncodeJson(const Plan& plan, absl::string_view json,
                                   const EncodeOptions& options);

}  // namespace eventbus::wire
