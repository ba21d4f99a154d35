#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "tests/reference/schema.h"

namespace eventbus::reference {

// The rules of Publish, or those of the wire alone.
enum class Rules { kPublish, kRewrite };

struct EncodeOptions {
  Rules rules = Rules::kPublish;
  // What violations begin with.
  std::string path = "event";
  // Assigned under kPublish to what is unset.
  std::string new_event_id = "00000000-0000-4000-8000-000000000000";
  std::string now = "2024-01-01T00:00:00.001Z";
};

// What an event is written as.
struct EncodeResult {
  // The paths of the fields that break a rule, each once, in order. A fault inside a Struct or a
  // Value is laid to the field that holds it. Empty: `json` is good.
  std::vector<std::string> violations;
  // Somewhere there is a field that the schema does not have.
  bool unknown_field = false;
  std::string json;
  std::string event_id;
  std::string key;
};

// Writes `event`, an Event of the schema, as its documented JSON.
EncodeResult ReferenceEncode(const Schema& schema, const google::protobuf::Message& event,
                             const EncodeOptions& options);

// Whether `message` has an unknown field, at any depth.
bool HasUnknownField(const google::protobuf::Message& message);

}  // namespace eventbus::reference
