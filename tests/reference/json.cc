#include "tests/reference/json.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace eventbus::reference {
namespace {

std::uint32_t HexValue(char c) {
  if (c <= '9') return static_cast<std::uint32_t>(c - '0');
  return static_cast<std::uint32_t>(absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10);
}

void AppendUtf8(std::uint32_t code, std::string& out) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

class Parser {
 public:
  explicit Parser(absl::string_view text) : text_(text) {}

  absl::StatusOr<Json> Whole() {
    Json value;
    SkipSpace();
    if (!Value(value, 1)) return Failure();
    SkipSpace();
    if (at_ != text_.size()) return Failure();
    return value;
  }

  int deepest() const { return deepest_; }

  // The length of the number at the start, 0 if there is none.
  std::size_t NumberLength() { return Number() ? at_ : 0; }

 private:
  absl::Status Failure() const {
    if (deepest_ > kDeepestRead) return absl::OutOfRangeError("nested too deep");
    return absl::InvalidArgumentError(absl::StrCat("not JSON at byte ", at_));
  }

  bool At(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool AtDigit() const {
    return at_ < text_.size() && absl::ascii_isdigit(static_cast<unsigned char>(text_[at_]));
  }
  bool Take(char c) {
    if (!At(c)) return false;
    ++at_;
    return true;
  }
  void SkipSpace() {
    while (At(' ') || At('\t') || At('\n') || At('\r')) ++at_;
  }
  bool Word(absl::string_view word) {
    if (!absl::StartsWith(text_.substr(at_), word)) return false;
    at_ += word.size();
    return true;
  }

  bool Value(Json& out, int level) {
    if (At('{') || At('[')) deepest_ = std::max(deepest_, level);
    if (level > kDeepestRead) return false;
    const std::size_t start = at_;
    if (!Unspanned(out, level)) return false;
    out.text = text_.substr(start, at_ - start);
    return true;
  }

  bool Unspanned(Json& out, int level) {
    if (At('{')) return Object(out, level);
    if (At('[')) return Array(out, level);
    if (At('"')) return String(out);
    if (Word("null")) return true;
    out.kind = Json::Kind::kBool;
    if (Word("true")) {
      out.boolean = true;
      return true;
    }
    if (Word("false")) return true;
    out.kind = Json::Kind::kNumber;
    return Number();
  }

  bool Digits() {
    if (!AtDigit()) return false;
    while (AtDigit()) ++at_;
    return true;
  }

  bool Number() {
    Take('-');
    if (!Take('0') && !Digits()) return false;
    if (Take('.') && !Digits()) return false;
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      return Digits();
    }
    return true;
  }

  // The four digits after `\u`.
  bool CodeUnit(std::uint32_t& out) {
    out = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ == text_.size()) return false;
      if (!absl::ascii_isxdigit(static_cast<unsigned char>(text_[at_]))) return false;
      out = out << 4 | HexValue(text_[at_]);
    }
    return true;
  }

  bool UnicodeEscape(Json& out) {
    std::uint32_t code = 0;
    if (!CodeUnit(code)) return false;
    if (code >= 0xD800 && code < 0xDC00 && absl::StartsWith(text_.substr(at_), "\\u")) {
      const std::size_t second = at_;
      at_ += 2;
      std::uint32_t low = 0;
      if (!CodeUnit(low)) return false;
      if (low >= 0xDC00 && low < 0xE000) {
        AppendUtf8(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00), out.string);
        return true;
      }
      at_ = second;
    }
    if (code >= 0xD800 && code < 0xE000) out.lone_surrogate = true;
    AppendUtf8(code, out.string);
    return true;
  }

  bool Escape(Json& out) {
    constexpr absl::string_view kLetters = "\"\\/bfnrt";
    constexpr absl::string_view kMeaning = "\"\\/\b\f\n\r\t";
    if (Take('u')) return UnicodeEscape(out);
    if (at_ == text_.size()) return false;
    const std::size_t which = kLetters.find(text_[at_]);
    if (which == absl::string_view::npos) return false;
    out.string.push_back(kMeaning[which]);
    ++at_;
    return true;
  }

  bool String(Json& out) {
    out.kind = Json::Kind::kString;
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20) return false;
      ++at_;
      if (c == '"') return true;
      if (c != '\\') {
        out.string.push_back(c);
      } else if (!Escape(out)) {
        return false;
      }
    }
    return false;
  }

  bool Array(Json& out, int level) {
    out.kind = Json::Kind::kArray;
    out.depth = 1;
    ++at_;
    SkipSpace();
    if (Take(']')) return true;
    do {
      SkipSpace();
      if (!Item(out, level)) return false;
      SkipSpace();
    } while (Take(','));
    return Take(']');
  }

  bool Object(Json& out, int level) {
    out.kind = Json::Kind::kObject;
    out.depth = 1;
    ++at_;
    SkipSpace();
    if (Take('}')) return true;
    do {
      SkipSpace();
      out.names.emplace_back();
      if (!At('"') || !Value(out.names.back(), level)) return false;
      SkipSpace();
      if (!Take(':')) return false;
      SkipSpace();
      if (!Item(out, level)) return false;
      SkipSpace();
    } while (Take(','));
    return Take('}');
  }

  bool Item(Json& container, int level) {
    container.items.emplace_back();
    if (!Value(container.items.back(), level + 1)) return false;
    container.depth = std::max(container.depth, container.items.back().depth + 1);
    return true;
  }

  absl::string_view text_;
  std::size_t at_ = 0;
  int deepest_ = 0;
};

// The length of the UTF-8 character at the start of `text`; 0 if there is none.
std::size_t Utf8Length(absl::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) >= 0xA0) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) >= 0x90) return 0;
  return length;
}

}  // namespace

std::vector<std::size_t> Json::LastOfEachName() const {
  std::map<std::string, std::size_t> last;
  for (std::size_t i = 0; i < names.size(); ++i) last[names[i].string] = i;
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (last[names[i].string] == i) indices.push_back(i);
  }
  return indices;
}

absl::StatusOr<Json> ParseJson(absl::string_view text, int* deepest) {
  Parser parser(text);
  absl::StatusOr<Json> value = parser.Whole();
  if (deepest != nullptr) *deepest = parser.deepest();
  return value;
}

bool IsJsonNumber(absl::string_view text) {
  return !text.empty() && Parser(text).NumberLength() == text.size();
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string Quote(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

}  // namespace eventbus::reference
