#include "server/wire/json_writer.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "server/wire/number_format.h"
#include "server/wire/timestamp_format.h"
#include "simdjson.h"

namespace eventbus::wire {
namespace {

constexpr std::size_t kFirstCapacity = 4096;
constexpr std::size_t kMaxEscape = 6;
constexpr char kHex[] = "0123456789abcdef";

constexpr std::uint64_t kEach = 0x0101010101010101u;
constexpr std::uint64_t kHigh = 0x8080808080808080u;

// The high bit of every byte of `word` that is zero, and perhaps of others above one that is.
constexpr std::uint64_t ZeroBytes(std::uint64_t word) { return (word - kEach) & ~word; }

// Whether all bytes of `word` are ASCII that stands for itself in a string.
constexpr bool AllPlain(std::uint64_t word) {
  const std::uint64_t control = (word - kEach * 0x20) & ~word;
  const std::uint64_t quote = ZeroBytes(word ^ (kEach * '"'));
  const std::uint64_t backslash = ZeroBytes(word ^ (kEach * '\\'));
  return ((control | quote | backslash | word) & kHigh) == 0;
}

bool IsPlain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 &&
         c != '"' && c != '\\';
}

// Copies up to the first byte that is not plain ASCII, and returns how many. The room at `out` is
// at least that of the text.
std::size_t CopyPlain(absl::string_view text, char* out) {
  const char* const data = text.data();
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, data + i, 8);
    if (!AllPlain(word)) break;
    std::memcpy(out + i, &word, 8);
  }
  for (; i < text.size() && IsPlain(data[i]); ++i) out[i] = data[i];
  return i;
}

char* AppendEscape(unsigned char c, char* out) {
  *out++ = '\\';
  constexpr absl::string_view kControls = "\b\f\n\r\t";
  const std::size_t short_form = kControls.find(static_cast<char>(c));
  if (c == '"' || c == '\\') {
    *out++ = static_cast<char>(c);
  } else if (short_form != absl::string_view::npos) {
    *out++ = "bfnrt"[short_form];
  } else {
    std::memcpy(out, "u00", 3);
    out[3] = kHex[c >> 4];
    out[4] = kHex[c & 15];
    out += 5;
  }
  return out;
}

}  // namespace

void JsonWriter::Clear(std::size_t max_kept) {
  if (static_cast<std::size_t>(end_ - data_.get()) > max_kept) {
    data_.reset();
    end_ = nullptr;
  }
  at_ = data_.get();
}

void JsonWriter::Grow(std::size_t count) {
  const std::size_t used = size();
  const std::size_t capacity = std::max({kFirstCapacity, used * 2, used + count});
  std::unique_ptr<char[]> data(new char[capacity]);
  if (used != 0) std::memcpy(data.get(), data_.get(), used);
  data_ = std::move(data);
  at_ = data_.get() + used;
  end_ = data_.get() + capacity;
}

bool JsonWriter::Quoted(absl::string_view text, char after) {
  char* const out = Reserve(text.size() + 3);
  *out = '"';
  const std::size_t plain = CopyPlain(text, out + 1);
  const absl::string_view rest = text.substr(plain);
  if (!rest.empty() && !simdjson::validate_utf8(rest.data(), rest.size())) return false;
  at_ = out + 1 + plain;
  if (!rest.empty()) Escape(rest);
  char* const close = Reserve(2);
  close[0] = '"';
  close[1] = after;
  at_ = close + 2;
  return true;
}

// A block at a time, so that a long text takes no six-fold room.
void JsonWriter::Escape(absl::string_view text) {
  constexpr std::size_t kBlock = 256;
  for (std::size_t from = 0; from < text.size(); from += kBlock) {
    const absl::string_view block = text.substr(from, kBlock);
    char* out = Reserve(block.size() * kMaxEscape);
    for (const char c : block) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte == '"' || byte == '\\') {
        out = AppendEscape(byte, out);
      } else {
        *out++ = c;
      }
    }
    at_ = out;
  }
}

void JsonWriter::Int64(std::int64_t value) {
  constexpr std::size_t kLongest = 20;
  char* const out = Reserve(kLongest + 1);
  char* const end = std::to_chars(out, out + kLongest, value).ptr;
  *end = ',';
  at_ = end + 1;
}

void JsonWriter::Double(double value) {
  char* const end = FormatDouble(value, Reserve(kMaxDoubleLength + 1));
  *end = ',';
  at_ = end + 1;
}

void JsonWriter::Timestamp(std::int64_t seconds, std::int32_t nanos) {
  char* const out = Reserve(kMaxTimestampLength + 3);
  *out = '"';
  char* const end = FormatTimestamp(seconds, nanos, out + 1);
  end[0] = '"';
  end[1] = ',';
  at_ = end + 2;
}

}  // namespace eventbus::wire
