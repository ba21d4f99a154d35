#pragma once

#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/wire/plan.h"

namespace eventbus::wire {

// A value that is a JSON object.
struct Decoded {
  // The protobuf bytes of an Event.
  std::string event;
  // The text of the member event_id, where it is a string; else empty.
  std::string event_id;
  // The text of the member event_type, in the schema or not; empty where there is none.
  std::string event_type;
};

// The numbers are those of eventbus.v1.UndecodableReason (a test holds them together).
enum class Reason {
  kInvalidJson = 1,
  kInvalidUtf8 = 2,
  kNotAnObject = 3,
  kTooDeep = 4,
  kTombstone = 5,
  kEmpty = 6,
  kTooLarge = 7,
};

// A value that is not.
struct Undecodable {
  Reason reason = Reason::kInvalidJson;
  // In words, with the place in bytes where there is one.
  std::string detail;
};

// Reads the documented JSON of `family` from `value` (unset: null) into protobuf bytes, in one pass
// and without building a message. An object is always decoded, and nothing in it is lost: what fits
// no field is kept, to the letter, in extra_json of the message it belongs to. Thread-safe; keeps a
// parser per thread.
std::variant<Decoded, Undecodable> Decode(const Plan& plan, const FamilyPlan& family,
                                          absl::optional<absl::string_view> value);

}  // namespace eventbus::wire
