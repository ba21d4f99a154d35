#pragma once

namespace eventbus::wire {

// As many characters as FormatDouble writes at most.
inline constexpr int kMaxDoubleLength = 32;

// Writes `value`, which must be finite, at `out` and returns the end: the fewest digits that read
// back as the same double, laid out as ECMAScript's Number.prototype.toString does it (`100`,
// `1e+21`, `1e-7`), but that minus zero is `-0.0`.
char* FormatDouble(double value, char* out);

}  // namespace eventbus::wire
