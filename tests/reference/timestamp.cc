#include "tests/reference/timestamp.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace eventbus::reference {
namespace {

constexpr std::int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z

// Reads from the front of a text; once something is not there, nothing is any more.
class Scanner {
 public:
  explicit Scanner(absl::string_view text) : text_(text) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return text_.empty(); }

  // One of `characters`.
  bool TakeIf(absl::string_view characters) {
    if (text_.empty() || characters.find(text_[0]) == absl::string_view::npos) return false;
    text_.remove_prefix(1);
    return true;
  }
  void Expect(absl::string_view characters) { ok_ = TakeIf(characters) && ok_; }

  // All digits there are.
  std::string Digits() {
    const std::size_t length = std::min(text_.find_first_not_of("0123456789"), text_.size());
    const std::string digits(text_.substr(0, length));
    text_.remove_prefix(length);
    return digits;
  }

  // A number of so many digits.
  int Number(std::size_t length) {
    const std::string digits = Digits();
    int value = 0;
    ok_ = digits.size() == length && absl::SimpleAtoi(digits, &value) && ok_;
    return value;
  }

 private:
  absl::string_view text_;
  bool ok_ = true;
};

absl::CivilSecond DateAndTime(Scanner& in, bool& exists) {
  const int year = in.Number(4);
  in.Expect("-");
  const int month = in.Number(2);
  in.Expect("-");
  const int day = in.Number(2);
  in.Expect("Tt ");
  const int hour = in.Number(2);
  in.Expect(":");
  const int minute = in.Number(2);
  in.Expect(":");
  const int second = in.Number(2);
  const absl::CivilSecond civil(year, month, day, hour, minute, second);
  // CivilSecond normalises: the 30th of February becomes the first of March.
  exists = civil.month() == month && civil.day() == day && civil.hour() == hour &&
           civil.minute() == minute && civil.second() == second;
  return civil;
}

// Up to nine digits, and zeros after them.
std::optional<std::int32_t> Fraction(Scanner& in) {
  if (!in.TakeIf(".")) return 0;
  std::string digits = in.Digits();
  if (digits.empty() || digits.find_first_not_of('0', 9) != std::string::npos) return std::nullopt;
  digits.resize(9, '0');
  std::int32_t nanos = 0;
  return absl::SimpleAtoi(digits, &nanos) ? std::optional(nanos) : std::nullopt;
}

// Seconds east of UTC.
std::optional<int> Zone(Scanner& in) {
  if (in.AtEnd() || in.TakeIf("Zz")) return 0;
  const bool west = in.TakeIf("-");
  if (!west) in.Expect("+");
  const int hours = in.Number(2);
  in.Expect(":");
  const int minutes = in.Number(2);
  if (hours > 23 || minutes > 59) return std::nullopt;
  return (hours * 60 + minutes) * (west ? -60 : 60);
}

}  // namespace

std::optional<Timestamp> ParseTimestamp(absl::string_view text) {
  Scanner in(text);
  bool exists = false;
  const absl::CivilSecond civil = DateAndTime(in, exists);
  const std::optional<std::int32_t> nanos = Fraction(in);
  const std::optional<int> zone = Zone(in);
  if (!in.ok() || !in.AtEnd() || !exists || !nanos.has_value() || !zone.has_value()) {
    return std::nullopt;
  }
  const std::int64_t local = absl::ToUnixSeconds(absl::FromCivil(civil, absl::UTCTimeZone()));
  const Timestamp timestamp = {local - *zone, *nanos};
  return IsValid(timestamp) ? std::optional(timestamp) : std::nullopt;
}

bool IsValid(const Timestamp& timestamp) {
  return timestamp.seconds >= kFirstSecond && timestamp.seconds <= kLastSecond &&
         timestamp.nanos >= 0 && timestamp.nanos < 1'000'000'000;
}

std::string WriteTimestamp(const Timestamp& timestamp) {
  const absl::CivilSecond civil =
      absl::ToCivilSecond(absl::FromUnixSeconds(timestamp.seconds), absl::UTCTimeZone());
  std::string fraction;
  if (timestamp.nanos % 1'000'000 == 0) {
    if (timestamp.nanos != 0) fraction = absl::StrFormat(".%03d", timestamp.nanos / 1'000'000);
  } else if (timestamp.nanos % 1000 == 0) {
    fraction = absl::StrFormat(".%06d", timestamp.nanos / 1000);
  } else {
    fraction = absl::StrFormat(".%09d", timestamp.nanos);
  }
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d%sZ", civil.year(), civil.month(),
                         civil.day(), civil.hour(), civil.minute(), civil.second(), fraction);
}

}  // namespace eventbus::reference
