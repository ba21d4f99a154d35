#include "server/wire/decode_buffers.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "server/wire/json_string.h"

namespace eventbus::wire {
namespace {

// As many as are compared each with each.
constexpr std::size_t kFew = 16;

constexpr std::size_t kMaxKept = 1 << 16;

template <typename T>
void ClearVector(std::vector<T>* vector) {
  vector->clear();
  if (vector->capacity() > kMaxKept) vector->shrink_to_fit();
}

bool MarkFew(std::size_t base, std::vector<MemberSpan>* members) {
  bool any = false;
  for (auto member = members->begin() + static_cast<std::ptrdiff_t>(base); member != members->end();
       ++member) {
    member->repeated =
        member->repeated || std::any_of(member + 1, members->end(), [&](const MemberSpan& later) {
          return later.name == member->name;
        });
    any = any || member->repeated;
  }
  return any;
}

bool MarkMany(std::size_t base, std::vector<MemberSpan>* members) {
  absl::flat_hash_set<absl::string_view> seen;
  seen.reserve(members->size() - base);
  bool any = false;
  for (std::size_t i = members->size(); i-- > base;) {
    MemberSpan& member = (*members)[i];
    if (!seen.insert(member.name).second) member.repeated = true;
    any = any || member.repeated;
  }
  return any;
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

bool MarkRepeated(std::size_t base, std::vector<MemberSpan>* members) {
  const std::size_t count = members->size() - base;
  return count <= kFew ? MarkFew(base, members) : MarkMany(base, members);
}

}  // namespace eventbus::wire
