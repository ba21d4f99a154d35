#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace eventbus::reference {

// A number as it is written, exactly: 0.`digits` times ten to the power of `point`. Zero has no
// digits, and keeps its sign. Exponents past 10^15 count as 10^15.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t point = 0;

  bool operator==(const Decimal&) const = default;
};

// Of a JSON number; nothing where `text` is none.
std::optional<Decimal> ParseDecimal(absl::string_view text);

// Equal for equal decimals, and only for them.
std::string ToString(const Decimal& decimal);

// The whole number that a JSON number is, if it is one: exactly, within 64 bits, and not -0.
std::optional<std::int64_t> FitsInt64(absl::string_view number);

// The double that is written as the same decimal as the JSON number, if there is one.
std::optional<double> FitsDouble(absl::string_view number);

// The shortest text that reads as `value`, which is finite, as ECMAScript writes it; but `-0.0`.
std::string WriteDouble(double value);

}  // namespace eventbus::reference
