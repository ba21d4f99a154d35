#include "server/wire/decode_buffers.h"

#include "server/wire/json_string.h"

namespace eventbus::wire {
namespace {

constexpr std::size_t kMaxKept = 1 << 16;

template <typename T>
void ClearVector(std::vector<T>* vector) {
  vector->clear();
  if (vector->capacity() > kMaxKept) vector->shrink_to_fit();
}

}  // namespace

void DecodeBuffers::Clear() {
  out.Clear();
  ClearVector(&slots);
  ClearVector(&kept);
  ClearVector(&entries);
  text.clear();
  if (text.capacity() > kMaxKept) text.shrink_to_fit();
  if (!names.empty()) names.clear();
}

absl::string_view DecodeBuffers::Name(const JsonString& name, bool* whole) {
  *whole = true;
  if (!name.escaped) return name.raw;
  names.emplace_back();
  *whole = Unescape(name.raw, &names.back());
  return names.back();
}

bool DecodeBuffers::Text(const JsonString& string, absl::string_view* view) {
  *view = string.raw;
  if (!string.escaped) return true;
  text.clear();
  const bool whole = Unescape(string.raw, &text);
  *view = text;
  return whole;
}

}  // namespace eventbus::wire
