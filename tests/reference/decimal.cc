#include "tests/reference/decimal.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/reference/json.h"

namespace eventbus::reference {
namespace {

constexpr std::int64_t kMostExponent = 1'000'000'000'000'000;

std::int64_t ParseExponent(absl::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  std::int64_t value = 0;
  for (const char c : text) value = std::min(value * 10 + (c - '0'), kMostExponent);
  return negative ? -value : value;
}

}  // namespace

std::optional<Decimal> ParseDecimal(absl::string_view text) {
  if (!IsJsonNumber(text)) return std::nullopt;
  Decimal out;
  out.negative = text[0] == '-';
  if (out.negative) text.remove_prefix(1);
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  if (e < text.size()) out.point = ParseExponent(text.substr(e + 1));
  text = text.substr(0, e);
  const std::size_t dot = std::min(text.find('.'), text.size());
  out.point += static_cast<std::int64_t>(dot);
  out.digits = absl::StrCat(text.substr(0, dot), dot < text.size() ? text.substr(dot + 1) : "");
  const std::size_t zeros = std::min(out.digits.find_first_not_of('0'), out.digits.size());
  out.digits.erase(0, zeros);
  out.point -= static_cast<std::int64_t>(zeros);
  out.digits.erase(out.digits.find_last_not_of('0') + 1);
  if (out.digits.empty()) out.point = 0;
  return out;
}

std::string ToString(const Decimal& decimal) {
  if (decimal.digits.empty()) return decimal.negative ? "-0" : "0";
  return absl::StrCat(decimal.negative ? "-" : "", "0.", decimal.digits, "e", decimal.point);
}

std::optional<std::int64_t> FitsInt64(absl::string_view number) {
  const std::optional<Decimal> decimal = ParseDecimal(number);
  if (!decimal.has_value()) return std::nullopt;
  if (decimal->digits.empty()) {
    return decimal->negative ? std::nullopt : std::optional<std::int64_t>(0);
  }
  const auto length = static_cast<std::int64_t>(decimal->digits.size());
  if (decimal->point < length || decimal->point > 19) return std::nullopt;
  const std::string whole =
      absl::StrCat(decimal->negative ? "-" : "", decimal->digits,
                   std::string(static_cast<std::size_t>(decimal->point - length), '0'));
  std::int64_t value = 0;
  if (!absl::SimpleAtoi(whole, &value)) return std::nullopt;
  return value;
}

std::optional<double> FitsDouble(absl::string_view number) {
  const std::optional<Decimal> decimal = ParseDecimal(number);
  if (!decimal.has_value()) return std::nullopt;
  const double value = std::strtod(std::string(number).c_str(), nullptr);
  if (!std::isfinite(value) || ParseDecimal(WriteDouble(value)) != decimal) return std::nullopt;
  return value;
}

std::string WriteDouble(double value) {
  if (value == 0) return std::signbit(value) ? "-0.0" : "0";
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const Decimal decimal =
      *ParseDecimal(absl::string_view(buffer, static_cast<std::size_t>(end.ptr - buffer)));
  // Number::toString of ECMA-262: k digits, the decimal point after n of them.
  const std::string& digits = decimal.digits;
  const auto k = static_cast<std::int64_t>(digits.size());
  const std::int64_t n = decimal.point;
  const auto zeros = [](std::int64_t count) {
    return std::string(static_cast<std::size_t>(count), '0');
  };
  const std::string sign = decimal.negative ? "-" : "";
  if (k <= n && n <= 21) return absl::StrCat(sign, digits, zeros(n - k));
  if (0 < n && n <= 21) {
    const auto whole = static_cast<std::size_t>(n);
    return absl::StrCat(sign, digits.substr(0, whole), ".", digits.substr(whole));
  }
  if (-6 < n && n <= 0) return absl::StrCat(sign, "0.", zeros(-n), digits);
  const std::string exponent = absl::StrCat("e", n > 0 ? "+" : "", n - 1);
  if (k == 1) return absl::StrCat(sign, digits, exponent);
  return absl::StrCat(sign, digits.substr(0, 1), ".", digits.substr(1), exponent);
}

}  // namespace eventbus::reference
