#include "server/wire/number_parse.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>

// number = [ "-" ] ( "0" / digit1-9 *digit ) [ "." 1*digit ] [ ( "e" / "E" ) [ "+" / "-" ] 1*digit
// ]
namespace eventbus::wire {
namespace {

// Exponents past this are as good as this: no text has as many digits.
constexpr std::int64_t kExponentLimit = 1'000'000'000'000;

// A decimal in its one form: `digits` * 10^exponent, the first and last digit not zero.
struct Decimal {
  bool negative = false;
  // A part of the text, in which a point may stand; empty for zero.
  absl::string_view digits;
  // Of digits, the point not counted.
  std::int64_t count = 0;
  std::int64_t exponent = 0;

  // The place of the point: the value is 0.DIGITS * 10^magnitude.
  std::int64_t magnitude() const { return count + exponent; }
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::size_t CountDigits(absl::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), IsDigit) -
                                  text.begin());
}

// All of `text`: [ ( "e" / "E" ) [ "+" / "-" ] 1*digit ]
bool ParseExponent(absl::string_view text, std::int64_t* exponent) {
  *exponent = 0;
  if (text.empty()) return true;
  if (text[0] != 'e' && text[0] != 'E') return false;
  text.remove_prefix(1);
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || CountDigits(text) != text.size()) return false;
  for (const char c : text) {
    *exponent = std::min(*exponent * 10 + (c - '0'), kExponentLimit);
  }
  if (negative) *exponent = -*exponent;
  return true;
}

bool IsPadding(char c) { return c == '0' || c == '.'; }

// Cuts zeros off both ends of the digits of `text`, whose point, if any, is at `point`.
void SetDigits(absl::string_view text, std::size_t point, Decimal* decimal) {
  std::size_t first = 0;
  std::size_t end = text.size();
  while (first < end && IsPadding(text[first])) ++first;
  while (end > first && IsPadding(text[end - 1])) --end;
  if (first == end) {
    decimal->exponent = 0;
    return;
  }
  decimal->digits = text.substr(first, end - first);
  const bool holds_point = first < point && point < end;
  decimal->count = static_cast<std::int64_t>(decimal->digits.size()) - (holds_point ? 1 : 0);
  const auto places = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(end);
  decimal->exponent += end > point ? places + 1 : places;
}

bool ParseDecimal(absl::string_view text, Decimal* decimal) {
  *decimal = {};
  decimal->negative = !text.empty() && text[0] == '-';
  if (decimal->negative) text.remove_prefix(1);
  const std::size_t whole = CountDigits(text);
  if (whole == 0 || (text[0] == '0' && whole > 1)) return false;
  std::size_t end = whole;
  if (end < text.size() && text[end] == '.') {
    const std::size_t places = CountDigits(text.substr(end + 1));
    if (places == 0) return false;
    end += 1 + places;
  }
  if (!ParseExponent(text.substr(end), &decimal->exponent)) return false;
  SetDigits(text.substr(0, end), whole, decimal);
  return true;
}

bool EqualDigits(absl::string_view a, absl::string_view b) {
  auto at = b.begin();
  for (const char c : a) {
    if (c == '.') continue;
    if (at != b.end() && *at == '.') ++at;
    if (at == b.end() || *at != c) return false;
    ++at;
  }
  return at == b.end();
}

bool Equal(const Decimal& a, const Decimal& b) {
  return a.negative == b.negative && a.count == b.count && a.exponent == b.exponent &&
         EqualDigits(a.digits, b.digits);
}

// Whether the shortest digits of `value` are `decimal`.
bool WrittenAs(double value, const Decimal& decimal) {
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  Decimal written;
  return ParseDecimal({buffer, static_cast<std::size_t>(end.ptr - buffer)}, &written) &&
         Equal(written, decimal);
}

// Most numbers: up to 18 digits, perhaps a sign, and nothing else.
bool ParseShortInt(absl::string_view text, std::int64_t* value) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 18 || text[0] == '0') return false;
  std::int64_t sum = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return false;
    sum = sum * 10 + (c - '0');
  }
  *value = negative ? -sum : sum;
  return true;
}

}  // namespace

bool ParseInt64(absl::string_view text, std::int64_t* value) {
  if (ParseShortInt(text, value)) return true;
  Decimal decimal;
  if (!ParseDecimal(text, &decimal)) return false;
  if (decimal.count == 0) {
    *value = 0;
    return !decimal.negative;
  }
  // 19 digits are less than 2^64.
  if (decimal.exponent < 0 || decimal.magnitude() > 19) return false;
  std::uint64_t sum = 0;
  for (const char c : decimal.digits) {
    if (c != '.') sum = sum * 10 + static_cast<std::uint64_t>(c - '0');
  }
  for (std::int64_t i = 0; i < decimal.exponent; ++i) sum *= 10;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (sum > kMax + (decimal.negative ? 1 : 0)) return false;
  *value = static_cast<std::int64_t>(decimal.negative ? 0 - sum : sum);
  return true;
}

bool ParseDouble(absl::string_view text, double* value) {
  Decimal decimal;
  if (!ParseDecimal(text, &decimal)) return false;
  if (decimal.count == 0) {
    *value = decimal.negative ? -0.0 : 0.0;
    return true;
  }
  // No double needs more than 17 digits, or is outside 4.9e-324 to 1.8e308.
  const std::int64_t magnitude = decimal.magnitude();
  if (decimal.count > 17 || magnitude > 309 || magnitude < -323) return false;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, *value);
  if (read.ec != std::errc() || read.ptr != end || !std::isfinite(*value)) return false;
  // Two decimals of up to 15 digits are never the same normal double, so the shortest is this one.
  if (decimal.count <= 15 && magnitude > -300 && magnitude < 300) return true;
  return WrittenAs(*value, decimal);
}

}  // namespace eventbus::wire
