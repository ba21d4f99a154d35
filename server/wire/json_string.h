#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace eventbus::wire {

// Appends to `text` the string that `raw`, what stands between the quotes of a valid JSON string,
// is a spelling of. False if it has half of a surrogate pair without the other: no UTF-8 can hold
// that; `text` then has three bytes for it that are not UTF-8, so that equal strings stay equal and
// different ones different.
bool Unescape(absl::string_view raw, std::string* text);

}  // namespace eventbus::wire
