// With `digits` the shortest digits, k of them, and the value 0.digits times ten to the power n:
//
//   k <= n <= 21   digits and n-k zeros         1230
//   0 < n < k      a point after n digits       12.3
//   -6 < n <= 0    "0.", -n zeros, digits       0.00123
//   otherwise      d.ddd e sign exponent        1.23e-7
#include "server/wire/number_format.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace eventbus::wire {
namespace {

constexpr int kMostDigits = 17;
// Every whole number up to here is a double, so its own digits are the shortest.
constexpr double kExact = 9007199254740992.0;

// The shortest digits and where the point is.
struct Shortest {
  char digits[kMostDigits];
  int count = 0;
  int point = 0;
};

Shortest FindShortest(double value) {
  char text[kMaxDoubleLength];
  const char* const end =
      std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific).ptr;
  Shortest shortest;
  const char* at = text;
  for (; *at != 'e'; ++at) {
    if (*at != '.') shortest.digits[shortest.count++] = *at;
  }
  const bool negative = at[1] == '-';
  int exponent = 0;
  std::from_chars(at + 2, end, exponent);
  shortest.point = (negative ? -exponent : exponent) + 1;
  return shortest;
}

char* Append(const char* text, int count, char* out) {
  std::memcpy(out, text, static_cast<std::size_t>(count));
  return out + count;
}

char* AppendZeros(int count, char* out) {
  std::memset(out, '0', static_cast<std::size_t>(count));
  return out + count;
}

char* AppendExponent(const Shortest& shortest, char* out) {
  *out++ = shortest.digits[0];
  if (shortest.count > 1) {
    *out++ = '.';
    out = Append(shortest.digits + 1, shortest.count - 1, out);
  }
  const int exponent = shortest.point - 1;
  *out++ = 'e';
  *out++ = exponent < 0 ? '-' : '+';
  return std::to_chars(out, out + 4, std::abs(exponent)).ptr;
}

char* LayOut(const Shortest& shortest, char* out) {
  const int point = shortest.point;
  if (point > 21 || point <= -6) return AppendExponent(shortest, out);
  if (point <= 0) {
    out = AppendZeros(-point, Append("0.", 2, out));
    return Append(shortest.digits, shortest.count, out);
  }
  if (shortest.count <= point) {
    out = Append(shortest.digits, shortest.count, out);
    return AppendZeros(point - shortest.count, out);
  }
  out = Append(shortest.digits, point, out);
  *out++ = '.';
  return Append(shortest.digits + point, shortest.count - point, out);
}

}  // namespace

char* FormatDouble(double value, char* out) {
  if (value == 0) return std::signbit(value) ? Append("-0.0", 4, out) : Append("0", 1, out);
  if (std::abs(value) < kExact && value == std::trunc(value)) {
    return std::to_chars(out, out + kMaxDoubleLength, static_cast<std::int64_t>(value)).ptr;
  }
  if (std::signbit(value)) *out++ = '-';
  return LayOut(FindShortest(std::abs(value)), out);
}

}  // namespace eventbus::wire
