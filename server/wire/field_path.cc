#include "server/wire/field_path.h"

#include "absl/strings/str_cat.h"
#include "simdjson.h"

namespace eventbus::wire {
namespace {

constexpr std::size_t kMostBytes = 64;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

std::string Shortened(absl::string_view text) {
  std::size_t length = text.size();
  if (length > kMostBytes) {
    length = kMostBytes;
    for (int i = 0; i < 3 && IsContinuation(text[length]); ++i) --length;
  }
  std::string out(text.substr(0, length));
  const bool utf8 = simdjson::validate_utf8(out.data(), out.size());
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8)) c = '?';
  }
  if (length < text.size()) out += "...";
  return out;
}

std::string InQuotes(absl::string_view text) { return absl::StrCat("\"", Shortened(text), "\""); }

std::string FieldPath::ToString() const {
  const std::string own = index_ < 0 ? Shortened(name_) : absl::StrCat("[", index_, "]");
  if (parent_ == nullptr) return std::string(name_);
  return absl::StrCat(parent_->ToString(), index_ < 0 ? "." : "", own);
}

}  // namespace eventbus::wire
