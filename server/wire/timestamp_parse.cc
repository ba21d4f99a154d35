#include "server/wire/timestamp_parse.h"

#include <algorithm>
#include <chrono>
#include <cstddef>

// timestamp = date ( "T" / "t" / " " ) time [ zone ]
// date      = 4digit "-" 2digit "-" 2digit
// time      = 2digit ":" 2digit ":" 2digit [ "." 1*digit ]
// zone      = "Z" / "z" / ( "+" / "-" ) 2digit ":" 2digit
namespace eventbus::wire {
namespace {

constexpr std::int64_t kFirstSecond = -62135596800;  // 0001-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253402300799;   // 9999-12-31T23:59:59Z

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes texts off its front; once one was not there, `ok` stays false.
struct Reader {
  absl::string_view rest;
  bool ok = true;

  bool Take(char c) {
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }

  void Expect(char c) { ok = Take(c) && ok; }

  int Digits(std::size_t count, int most) {
    int number = 0;
    if (rest.size() < count) ok = false;
    for (std::size_t i = 0; ok && i < count; ++i) {
      ok = IsDigit(rest[i]);
      number = number * 10 + (rest[i] - '0');
    }
    if (number > most) ok = false;
    if (ok) rest.remove_prefix(count);
    return number;
  }
};

std::int64_t TakeDays(Reader* reader) {
  const int year = reader->Digits(4, 9999);
  reader->Expect('-');
  const int month = reader->Digits(2, 12);
  reader->Expect('-');
  const int day = reader->Digits(2, 31);
  if (!reader->ok) return 0;
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  reader->ok = date.ok();
  return std::chrono::sys_days(date).time_since_epoch().count();
}

std::int64_t TakeSecondOfDay(Reader* reader) {
  const int hour = reader->Digits(2, 23);
  reader->Expect(':');
  const int minute = reader->Digits(2, 59);
  reader->Expect(':');
  const int second = reader->Digits(2, 59);
  return (hour * 60 + minute) * 60 + second;
}

std::int32_t TakeNanos(Reader* reader) {
  if (!reader->Take('.')) return 0;
  std::int32_t nanos = 0;
  std::size_t count = 0;
  for (; count < reader->rest.size() && IsDigit(reader->rest[count]); ++count) {
    const int digit = reader->rest[count] - '0';
    if (count < 9) nanos = nanos * 10 + digit;
    if (count >= 9 && digit != 0) reader->ok = false;
  }
  if (count == 0) reader->ok = false;
  for (std::size_t places = count; places < 9; ++places) nanos *= 10;
  reader->rest.remove_prefix(count);
  return nanos;
}

// Seconds east of UTC.
std::int64_t TakeZone(Reader* reader) {
  if (reader->rest.empty() || reader->Take('Z') || reader->Take('z')) return 0;
  const bool west = reader->Take('-');
  if (!west) reader->Expect('+');
  const int hours = reader->Digits(2, 23);
  reader->Expect(':');
  const int minutes = reader->Digits(2, 59);
  const int seconds = (hours * 60 + minutes) * 60;
  return west ? -seconds : seconds;
}

}  // namespace

bool ParseTimestamp(absl::string_view text, WireTime* time) {
  Reader reader{text};
  const std::int64_t days = TakeDays(&reader);
  if (!reader.Take('T') && !reader.Take('t')) reader.Expect(' ');
  const std::int64_t second = TakeSecondOfDay(&reader);
  time->nanos = TakeNanos(&reader);
  time->seconds = days * 86400 + second - TakeZone(&reader);
  return reader.ok && reader.rest.empty() && time->seconds >= kFirstSecond &&
         time->seconds <= kLastSecond;
}

}  // namespace eventbus::wire
