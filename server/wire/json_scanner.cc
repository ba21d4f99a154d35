#include "server/wire/json_scanner.h"

#include <bit>
#include <cstring>

#include "simdjson.h"

// The grammar, RFC 8259:
//
//   text   = ws value ws
//   value  = object / array / number / string / "true" / "false" / "null"
//   object = "{" ws [ member *( "," member ) ] "}"      member  = ws string ws ":" ws value ws
//   array  = "[" ws [ element *( "," element ) ] "]"    element = ws value ws
//   number = [ "-" ] ( "0" / digit1-9 *digit ) [ "." 1*digit ] [ ( "e" / "E" ) [ "+" / "-" ]
//   1*digit ] string = DQUOTE *( character / escape ) DQUOTE character = any but DQUOTE, "\" and
//   U+0000-U+001F escape = "\" ( DQUOTE / "\" / "/" / "b" / "f" / "n" / "r" / "t" / "u" 4hex ) ws
//   = *( space / tab / LF / CR )
//
// Here an escape may be half of a surrogate pair without the other: that is JSON, if not text.
namespace eventbus::wire {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The high bit of every byte of `word` that is zero; of others, only above one that is.
constexpr std::uint64_t ZeroBytes(std::uint64_t word) {
  return (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
}

// The bytes of `word` that end a run of plain characters, marked as by ZeroBytes.
constexpr std::uint64_t SpecialBytes(std::uint64_t word) {
  constexpr std::uint64_t kEach = 0x0101010101010101u;
  const std::uint64_t control = (word - kEach * 0x20) & ~word & (kEach * 0x80);
  return ZeroBytes(word ^ (kEach * '"')) | ZeroBytes(word ^ (kEach * '\\')) | control;
}

// The first of [at, end) that is not a plain character of a string.
const char* SkipPlain(const char* at, const char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - at >= 8; at += 8) {
      std::uint64_t word;
      std::memcpy(&word, at, 8);
      const std::uint64_t special = SpecialBytes(word);
      if (special != 0) return at + std::countr_zero(special) / 8;
    }
  }
  while (at < end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
  return at;
}

}  // namespace

bool JsonScanner::Fail(const char* what) {
  if (error_.what == nullptr) {
    error_.what = at_ < end_ ? what : "the text ends too early";
    error_.offset = static_cast<std::size_t>(at_ - begin_);
  }
  return false;
}

bool JsonScanner::ReadString(JsonString* value) {
  const char* const first = ++at_;
  value->escaped = false;
  for (;;) {
    at_ = SkipPlain(at_, end_);
    if (at_ == end_) return Fail("");
    if (*at_ == '"') break;
    if (*at_ != '\\') return Fail("a control character in a string");
    value->escaped = true;
    if (!SkipEscape()) return false;
  }
  value->raw = {first, static_cast<std::size_t>(at_ - first)};
  ++at_;
  return true;
}

bool JsonScanner::SkipEscape() {
  if (++at_ == end_) return Fail("");
  if (*at_ == 'u') {
    for (int i = 0; i < 4; ++i) {
      if (++at_ == end_ || !IsHex(*at_)) return Fail("not four hexadecimal digits after \\u");
    }
  } else if (*at_ == '\0' || std::strchr("\"\\/bfnrt", *at_) == nullptr) {
    return Fail("an escape that JSON does not have");
  }
  ++at_;
  return true;
}

bool JsonScanner::SkipDigits() {
  if (at_ == end_ || !IsDigit(*at_)) return Fail("a digit is missing in a number");
  while (at_ < end_ && IsDigit(*at_)) ++at_;
  return true;
}

bool JsonScanner::ReadNumber(absl::string_view* number) {
  const char* const first = at_;
  if (at_ == end_ || (*at_ != '-' && !IsDigit(*at_))) return Fail("not a JSON value");
  if (*at_ == '-') ++at_;
  if (at_ < end_ && *at_ == '0') {
    ++at_;
  } else if (!SkipDigits()) {
    return false;
  }
  if (at_ < end_ && *at_ == '.') {
    ++at_;
    if (!SkipDigits()) return false;
  }
  if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!SkipDigits()) return false;
  }
  *number = {first, static_cast<std::size_t>(at_ - first)};
  return true;
}

bool JsonScanner::ReadWord(absl::string_view word) {
  const absl::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
  if (rest.substr(0, word.size()) != word) return Fail("not a JSON value");
  at_ += word.size();
  return true;
}

bool JsonScanner::SkipScalar() {
  JsonString string;
  absl::string_view number;
  switch (Peek()) {
    case '"':
      return ReadString(&string);
    case 't':
      return ReadWord("true");
    case 'f':
      return ReadWord("false");
    case 'n':
      return ReadWord("null");
    default:
      return ReadNumber(&number);
  }
}

// Passes over a scalar, or over the beginning of an object or array: then kItem.
JsonStep JsonScanner::SkipOne() {
  const char first = Peek();
  if (first != '{' && first != '[') return SkipScalar() ? JsonStep::kEnd : JsonStep::kBroken;
  JsonString name;
  const JsonStep step = first == '{' ? FirstMember(&name) : FirstElement();
  if (step == JsonStep::kItem) open_.push_back(first);
  return step;
}

bool JsonScanner::Skip() {
  open_.clear();
  for (;;) {
    JsonStep step = SkipOne();
    JsonString name;
    while (step == JsonStep::kEnd) {
      if (open_.empty()) return true;
      step = open_.back() == '{' ? NextMember(&name) : NextElement();
      if (step == JsonStep::kEnd) open_.pop_back();
    }
    if (step == JsonStep::kBroken) return false;
  }
}

bool JsonScanner::Enter() {
  if (depth_ == max_depth_) {
    error_.too_deep = true;
    return Fail("nested too deep");
  }
  ++depth_;
  ++at_;
  return true;
}

bool JsonScanner::ReadName(JsonString* name) {
  if (Peek() != '"') return Fail("a member's name is missing");
  if (!ReadString(name)) return false;
  if (Peek() != ':') return Fail("a member's colon is missing");
  ++at_;
  return true;
}

JsonStep JsonScanner::FirstMember(JsonString* name) {
  if (!Enter()) return JsonStep::kBroken;
  if (Peek() == '}') {
    ++at_;
    --depth_;
    return JsonStep::kEnd;
  }
  return ReadName(name) ? JsonStep::kItem : JsonStep::kBroken;
}

JsonStep JsonScanner::NextMember(JsonString* name) {
  const char next = Peek();
  if (next == ',') {
    ++at_;
    return ReadName(name) ? JsonStep::kItem : JsonStep::kBroken;
  }
  if (next != '}') {
    Fail("neither a comma nor the object's end");
    return JsonStep::kBroken;
  }
  ++at_;
  --depth_;
  return JsonStep::kEnd;
}

JsonStep JsonScanner::FirstElement() {
  if (!Enter()) return JsonStep::kBroken;
  if (Peek() != ']') return JsonStep::kItem;
  ++at_;
  --depth_;
  return JsonStep::kEnd;
}

JsonStep JsonScanner::NextElement() {
  const char next = Peek();
  if (next == ',') {
    ++at_;
    return JsonStep::kItem;
  }
  if (next != ']') {
    Fail("neither a comma nor the array's end");
    return JsonStep::kBroken;
  }
  ++at_;
  --depth_;
  return JsonStep::kEnd;
}

bool JsonScanner::Finish() {
  Peek();
  return at_ == end_ || Fail("something after the value");
}

bool IsUtf8(absl::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

std::size_t ValidUtf8Prefix(absl::string_view text) {
  std::size_t valid = 0;
  // Large steps while they hold, then character by character.
  constexpr std::size_t kStep = 4096;
  while (valid + kStep < text.size()) {
    std::size_t step = kStep;
    while (step > kStep - 3 && IsContinuation(text[valid + step])) --step;
    if (!IsUtf8(text.substr(valid, step))) break;
    valid += step;
  }
  while (valid < text.size()) {
    const auto lead = static_cast<unsigned char>(text[valid]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length > text.size() - valid) break;
    if (length > 1 && !IsUtf8(text.substr(valid, length))) break;
    valid += length;
  }
  return valid;
}

}  // namespace eventbus::wire
