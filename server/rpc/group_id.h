#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/error.h"

namespace eventbus::rpc {

// Whether `c` may stand in the names that the API takes: `[A-Za-z0-9._-]`.
bool IsNameCharacter(char c);

// Adds what is wrong with the id of a group to `violations`, if anything is: it is empty (the
// server's own is, too), too long, or has other characters.
void CheckGroupId(absl::string_view id, const std::string& field,
                  std::vector<FieldViolation>& violations);

}  // namespace eventbus::rpc
