#include "server/wire/json_string.h"

#include <cstddef>
#include <cstdint>

// Escapes (RFC 8259, section 7): \" \\ \/ \b \f \n \r \t \uXXXX, where a character past U+FFFF is a
// pair, high half (D800-DBFF) first:
//
//   character = 0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00)
namespace eventbus::wire {
namespace {

bool IsHigh(std::uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool IsLow(std::uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

std::uint32_t HexDigit(char c) {
  if (c <= '9') return static_cast<std::uint32_t>(c - '0');
  return static_cast<std::uint32_t>((c | 0x20) - 'a' + 10);
}

std::uint32_t HexUnit(absl::string_view digits) {
  std::uint32_t unit = 0;
  for (const char c : digits) unit = unit * 16 + HexDigit(c);
  return unit;
}

void AppendUtf8(std::uint32_t character, std::string* text) {
  const auto tail = [character](int shift) {
    return static_cast<char>(0x80 | ((character >> shift) & 0x3F));
  };
  if (character < 0x80) {
    text->push_back(static_cast<char>(character));
  } else if (character < 0x800) {
    text->push_back(static_cast<char>(0xC0 | (character >> 6)));
    text->push_back(tail(0));
  } else if (character < 0x10000) {
    text->push_back(static_cast<char>(0xE0 | (character >> 12)));
    text->push_back(tail(6));
    text->push_back(tail(0));
  } else {
    text->push_back(static_cast<char>(0xF0 | (character >> 18)));
    text->push_back(tail(12));
    text->push_back(tail(6));
    text->push_back(tail(0));
  }
}

char SimpleEscape(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;  // `"`, `\` and `/` stand for themselves.
  }
}

// Takes one \uXXXX, or a pair of them, off `rest`.
std::uint32_t TakeUnits(absl::string_view* rest) {
  const std::uint32_t unit = HexUnit(rest->substr(2, 4));
  rest->remove_prefix(6);
  if (!IsHigh(unit) || rest->substr(0, 2) != "\\u") return unit;
  const std::uint32_t low = HexUnit(rest->substr(2, 4));
  if (!IsLow(low)) return unit;
  rest->remove_prefix(6);
  return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

}  // namespace

bool Unescape(absl::string_view raw, std::string* text) {
  bool whole = true;
  for (;;) {
    const std::size_t escape = raw.find('\\');
    if (escape == absl::string_view::npos) break;
    text->append(raw.data(), escape);
    raw.remove_prefix(escape);
    if (raw[1] == 'u') {
      const std::uint32_t character = TakeUnits(&raw);
      if (IsHigh(character) || IsLow(character)) whole = false;
      AppendUtf8(character, text);
    } else {
      text->push_back(SimpleEscape(raw[1]));
      raw.remove_prefix(2);
    }
  }
  text->append(raw.data(), raw.size());
  return whole;
}

}  // namespace eventbus::wire
