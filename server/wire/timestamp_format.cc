// YYYY-MM-DD "T" hh:mm:ss [ "." ( 3DIGIT / 6DIGIT / 9DIGIT ) ] "Z"
#include "server/wire/timestamp_format.h"

namespace eventbus::wire {
namespace {

constexpr std::int64_t kFirstSecond = -62135596800;  // 0001-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253402300799;   // 9999-12-31T23:59:59Z
constexpr std::int64_t kSecondsPerDay = 86400;
constexpr std::uint32_t kDaysPer400Years = 146097;
constexpr std::uint32_t kDaysPer100Years = 36524;
constexpr std::uint32_t kDaysPer4Years = 1461;
// Days from 0000-03-01 to 0001-01-01.
constexpr std::uint32_t kDaysToYearOne = 306;

struct Date {
  std::uint32_t year;
  std::uint32_t month;
  std::uint32_t day;
};

// The date `days` after 0000-03-01. Years begin in March, so that a leap day is the last of one:
// all cycles of 400, 100 and 4 years but the last of their kind are then equally long.
Date DateOf(std::uint32_t days) {
  std::uint32_t year = days / kDaysPer400Years * 400;
  days %= kDaysPer400Years;
  const std::uint32_t centuries = days / kDaysPer100Years - days / (kDaysPer400Years - 1);
  year += centuries * 100;
  days -= centuries * kDaysPer100Years;
  year += days / kDaysPer4Years * 4;
  days %= kDaysPer4Years;
  const std::uint32_t years = days / 365 - days / (kDaysPer4Years - 1);
  year += years;
  days -= years * 365;
  // From March on, months have 31 and 30 days in turn, five to 153 days.
  const std::uint32_t month = (5 * days + 2) / 153;
  const std::uint32_t day = days - (153 * month + 2) / 5 + 1;
  return month < 10 ? Date{year, month + 3, day} : Date{year + 1, month - 9, day};
}

char* AppendPair(std::uint32_t value, char* out) {
  *out++ = static_cast<char>('0' + value / 10);
  *out++ = static_cast<char>('0' + value % 10);
  return out;
}

char* AppendFraction(std::uint32_t nanos, char* out) {
  int digits = 9;
  while (digits > 3 && nanos % 1000 == 0) {
    nanos /= 1000;
    digits -= 3;
  }
  *out = '.';
  for (int i = digits; i > 0; --i, nanos /= 10) out[i] = static_cast<char>('0' + nanos % 10);
  return out + digits + 1;
}

}  // namespace

bool IsTimestamp(std::int64_t seconds, std::int32_t nanos) {
  return seconds >= kFirstSecond && seconds <= kLastSecond && nanos >= 0 && nanos <= 999999999;
}

char* FormatTimestamp(std::int64_t seconds, std::int32_t nanos, char* out) {
  const std::int64_t since = seconds - kFirstSecond;
  const Date date = DateOf(static_cast<std::uint32_t>(since / kSecondsPerDay) + kDaysToYearOne);
  const auto second = static_cast<std::uint32_t>(since % kSecondsPerDay);
  out = AppendPair(date.year % 100, AppendPair(date.year / 100, out));
  *out++ = '-';
  out = AppendPair(date.month, out);
  *out++ = '-';
  out = AppendPair(date.day, out);
  *out++ = 'T';
  out = AppendPair(second / 3600, out);
  *out++ = ':';
  out = AppendPair(second / 60 % 60, out);
  *out++ = ':';
  out = AppendPair(second % 60, out);
  if (nanos != 0) out = AppendFraction(static_cast<std::uint32_t>(nanos), out);
  *out++ = 'Z';
  return out;
}

}  // namespace eventbus::wire
