#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace eventbus::wire {

// Numbers as JSON spells them (`-1.5e3`), by their exact decimal value. Each takes a whole text,
// false if it is not one JSON number or does not fit; time is linear in the text, whatever its
// exponent says.

// Fits: an integer of 64 bits, however it is spelled (`5e3`, `5000.0`). Not `-0`: its sign would be
// lost.
bool ParseInt64(absl::string_view text, std::int64_t* value);

// Fits: what the shortest digits that read back as the same double are the same decimal of, so that
// writing it again loses nothing: `85`, `0.1`, `-0`; not `0.10000000000000000001`, `1e400`.
bool ParseDouble(absl::string_view text, double* value);

}  // namespace eventbus::wire
