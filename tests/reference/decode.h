#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "tests/reference/schema.h"

namespace eventbus::reference {

// What a record's value is read as.
struct DecodeResult {
  // An Event; null where the value is undecodable.
  std::unique_ptr<google::protobuf::Message> event;
  // Of an undecodable value: the name of its eventbus.v1.UndecodableReason, such as `TOO_DEEP`.
  std::string undecodable;
  // It nests past the limit, as far as it was read; so `TOO_DEEP` is right beside another reason.
  bool too_deep = false;
  // The texts of these members, where they are strings that protobuf can hold.
  std::string event_id;
  std::string event_type;
};

// Whether `reason` is right for an undecodable value. Where a value is both nested too deep and
// broken, or no object, the design leaves open which of the reasons is told.
bool IsReasonOf(const DecodeResult& undecodable, absl::string_view reason);

// Reads the documented JSON of `topic`; nothing: a null value.
DecodeResult ReferenceDecode(const Schema& schema, const event::Topic& topic,
                             std::optional<absl::string_view> value);

}  // namespace eventbus::reference
