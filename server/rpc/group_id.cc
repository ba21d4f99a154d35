#include "server/rpc/group_id.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace eventbus::rpc {
namespace {

constexpr std::size_t kMaxGroupId = 249;

}  // namespace

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
}

void CheckGroupId(absl::string_view id, const std::string& field,
                  std::vector<FieldViolation>& violations) {
  if (id.empty()) {
    violations.push_back(
        {field, "empty, and this server has no KAFKA_GROUP_ID that would stand for it"});
  } else if (id.size() > kMaxGroupId || !std::all_of(id.begin(), id.end(), IsNameCharacter)) {
    violations.push_back({field, absl::StrCat(id.size(), " bytes, 1 to ", kMaxGroupId,
                                              " of [A-Za-z0-9._-] are allowed")});
  }
}

}  // namespace eventbus::rpc
