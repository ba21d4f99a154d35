#pragma once

#include "absl/strings/string_view.h"

namespace eventbus::event {

// Whether `text` has the form 8-4-4-4-12, hexadecimal in any case.
bool IsUuid(absl::string_view text);

}  // namespace eventbus::event
