#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/wire/plan.h"
#include "tests/reference/golden.h"
#include "tests/reference/schema.h"

namespace eventbus::fuzz {

// What is fuzzed: the documented schema, and the plan compiled from it.
const reference::Schema& Schema();
const wire::Plan& Plan();

// The golden vectors, as seeds.
const std::vector<reference::GoldenVector>& Vectors();

// Ends the process, telling what was put in and the two answers that differ.
[[noreturn]] void Disagree(absl::string_view what, absl::string_view input, absl::string_view codec,
                           absl::string_view reference);

// The topic that the first byte of an input names.
const event::Topic& TopicOf(absl::string_view input);

}  // namespace eventbus::fuzz
