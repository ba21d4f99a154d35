// token     := base64url(version body crc)              without padding
// version   := 0x01
// body      := text(cluster id) topic*
// topic     := text(name) varint(partitions) (varint(partition) varint(offset))*
// text(s)   := varint(bytes) bytes
// varint    := as protobuf's
// crc       := CRC-32 (zlib's) of version and body, 4 bytes, least significant first
#include "server/bus/resume_token.h"

#include <zlib.h>

#include <utility>

#include "absl/strings/escaping.h"

namespace eventbus::bus {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kCrcBytes = 4;

std::string Crc(absl::string_view bytes) {
  const uLong crc =
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
  std::string out;
  for (std::size_t i = 0; i < kCrcBytes; ++i) out += static_cast<char>(crc >> (8 * i));
  return out;
}

void PutVarint(std::uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void PutText(absl::string_view text, std::string& out) {
  PutVarint(text.size(), out);
  out.append(text.data(), text.size());
}

bool TakeVarint(absl::string_view& in, std::uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 63 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in[0]);
    in.remove_prefix(1);
    *value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool TakeText(absl::string_view& in, std::string* text) {
  std::uint64_t size = 0;
  if (!TakeVarint(in, &size) || size > in.size()) return false;
  *text = std::string(in.substr(0, size));
  in.remove_prefix(size);
  return true;
}

bool TakeTopic(absl::string_view& in, ResumeToken& token) {
  std::string topic;
  std::uint64_t partitions = 0;
  if (!TakeText(in, &topic) || !TakeVarint(in, &partitions)) return false;
  for (std::uint64_t i = 0; i < partitions; ++i) {
    std::uint64_t partition = 0;
    std::uint64_t offset = 0;
    if (!TakeVarint(in, &partition) || !TakeVarint(in, &offset)) return false;
    token.positions[{topic, static_cast<std::int32_t>(partition)}] =
        static_cast<std::int64_t>(offset);
  }
  return true;
}

}  // namespace

std::string FormatResumeToken(const ResumeToken& token) {
  std::string bytes(1, kVersion);
  PutText(token.cluster_id, bytes);
  for (auto at = token.positions.begin(); at != token.positions.end();) {
    auto end = at;
    std::uint64_t partitions = 0;
    while (end != token.positions.end() && end->first.topic == at->first.topic) {
      ++end;
      ++partitions;
    }
    PutText(at->first.topic, bytes);
    PutVarint(partitions, bytes);
    for (; at != end; ++at) {
      PutVarint(static_cast<std::uint64_t>(at->first.partition), bytes);
      PutVarint(static_cast<std::uint64_t>(at->second), bytes);
    }
  }
  return absl::WebSafeBase64Escape(bytes + Crc(bytes));
}

absl::optional<ResumeToken> ParseResumeToken(absl::string_view text) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(text, &bytes) || bytes.size() < 1 + kCrcBytes) {
    return absl::nullopt;
  }
  const absl::string_view signed_part(bytes.data(), bytes.size() - kCrcBytes);
  if (bytes.substr(signed_part.size()) != Crc(signed_part) || bytes[0] != kVersion) {
    return absl::nullopt;
  }
  absl::string_view in = signed_part.substr(1);
  ResumeToken token;
  if (!TakeText(in, &token.cluster_id)) return absl::nullopt;
  while (!in.empty()) {
    if (!TakeTopic(in, token)) return absl::nullopt;
  }
  return token;
}

}  // namespace eventbus::bus
