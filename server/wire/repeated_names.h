#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

namespace eventbus::wire {

// Marks, from `base` on, the members whose name a later one has, and returns whether there is one.
// A member has `absl::string_view name` and `bool repeated`.
template <typename Member>
bool MarkRepeated(std::size_t base, std::vector<Member>* members) {
  constexpr std::size_t kFew = 16;  // As many as are compared each with each.
  const std::size_t count = members->size() - base;
  if (count < 2) return false;
  bool any = false;
  if (count <= kFew) {
    const auto end = members->end();
    for (auto member = end - static_cast<std::ptrdiff_t>(count); member != end; ++member) {
      const auto same = [&](const Member& later) { return later.name == member->name; };
      if (std::any_of(member + 1, end, same)) member->repeated = true;
      any = any || member->repeated;
    }
    return any;
  }
  absl::flat_hash_set<absl::string_view> seen;
  seen.reserve(count);
  for (std::size_t i = members->size(); i-- > base;) {
    Member& member = (*members)[i];
    if (!seen.insert(member.name).second) member.repeated = true;
    any = any || member.repeated;
  }
  return any;
}

}  // namespace eventbus::wire
