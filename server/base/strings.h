#pragma once

#include <string>
#include <string_view>

#include "absl/strings/string_view.h"

namespace eventbus {

// Debian's Abseil has a string_view of its own; these are the only two crossings.
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace eventbus
