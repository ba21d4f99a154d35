#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "server/wire/plan.h"

namespace eventbus::wire {

// How deep metadata and violations may be nested, they themselves being level 1: a JSON level costs
// three messages, and protobuf's parsers stop at 100.
inline constexpr int kMaxValueNesting = 24;

// How deep an event may be nested, its own object being level 1.
inline constexpr int kMaxNesting = 64;

// What a violation says: `what`, then what the field takes; `"doc-1", a UUID (8-4-4-4-12
// hexadecimal digits) is required`.
std::string Instead(absl::string_view what, const FieldPlan& field);

// What the field takes, without the verb.
std::string Allowed(const FieldPlan& field);

// What a violation says of a double that JSON has no number for.
std::string NotFinite(double value);

}  // namespace eventbus::wire
