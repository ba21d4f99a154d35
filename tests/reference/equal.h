#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "server/event/catalog.h"

namespace eventbus::reference {

// A JSON object of `message` in its normal form: two that the wire format takes for the same, and
// only they, have the same. It undoes member order, white space, escapes, the spelling of numbers,
// numbers in strings where the field takes them, the form of timestamps, members hidden by a later
// one of their name, and absent `{}` and `[]` of documented members. Not JSON: the text itself.
std::string NormalForm(const google::protobuf::Descriptor& message, absl::string_view json);

// Whether two values of `topic` are the same event.
bool ReferenceEqualsAsJson(const event::Topic& topic, absl::string_view a, absl::string_view b);

// Whether two JSON texts are the same but for member order, white space, escapes, the spelling of
// numbers and repeated names.
bool SameJson(absl::string_view a, absl::string_view b);

// The event in words, for comparing: every field, extra_json's members by name, their texts and
// the texts of their names to the letter.
std::string Describe(const google::protobuf::Message& event);

}  // namespace eventbus::reference
