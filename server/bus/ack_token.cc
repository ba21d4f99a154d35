// token  := base64url(stream place)     without padding; unused bits are zero
// stream := 8 bytes, least significant first
// place  := number * 2 + (1 for a batch), 6 bytes, least significant first
#include "server/bus/ack_token.h"

#include <cstddef>

#include "absl/strings/escaping.h"

namespace eventbus::bus {
namespace {

constexpr std::size_t kTextBytes = 19;
constexpr std::size_t kStreamBytes = 8;
constexpr std::size_t kPlaceBytes = 6;

void Put(std::uint64_t value, std::size_t size, std::string& out) {
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i));
}

std::uint64_t Get(absl::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return value;
}

}  // namespace

std::string FormatAckToken(const AckToken& token) {
  std::string bytes;
  Put(token.stream, kStreamBytes, bytes);
  Put(token.number << 1 | (token.batch ? 1 : 0), kPlaceBytes, bytes);
  return absl::WebSafeBase64Escape(bytes);
}

absl::optional<AckToken> ParseAckToken(absl::string_view text) {
  std::string bytes;
  if (text.size() != kTextBytes || !absl::WebSafeBase64Unescape(text, &bytes) ||
      bytes.size() != kStreamBytes + kPlaceBytes) {
    return absl::nullopt;
  }
  const absl::string_view view = bytes;
  const std::uint64_t place = Get(view.substr(kStreamBytes));
  const AckToken token{Get(view.substr(0, kStreamBytes)), place >> 1, (place & 1) != 0};
  // Unescape takes more than Escape writes: other alphabets, white space, unused bits.
  if (FormatAckToken(token) != text) return absl::nullopt;
  return token;
}

}  // namespace eventbus::bus
