#include "server/bus/filter.h"

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/error.h"

namespace eventbus::bus {
namespace {

// `document.` for `document.*`; empty where `pattern` is not a prefix.
std::string PrefixOf(absl::string_view pattern) {
  if (pattern.size() < 3 || !absl::EndsWith(pattern, ".*")) return "";
  return std::string(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

absl::StatusOr<Filter> Filter::Parse(const std::vector<std::string>& patterns,
                                     const event::Catalog& catalog) {
  Filter filter;
  std::vector<FieldViolation> violations;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    std::string prefix = PrefixOf(patterns[i]);
    if (!prefix.empty()) {
      filter.prefixes_.push_back(std::move(prefix));
    } else if (catalog.FindTopicOfType(patterns[i]) != nullptr) {
      filter.types_.insert(patterns[i]);
    } else {
      violations.push_back(
          {absl::StrCat("event_types[", i, "]"),
           absl::StrCat("\"", patterns[i],
                        "\", a type of the schema or a prefix such as \"document.*\" is allowed")});
    }
  }
  if (!violations.empty()) {
    return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID, std::move(violations));
  }
  return filter;
}

bool Filter::Passes(absl::string_view type) const {
  if (types_.empty() && prefixes_.empty()) return true;
  if (types_.contains(type)) return true;
  for (const std::string& prefix : prefixes_) {
    if (absl::StartsWith(type, prefix)) return true;
  }
  return false;
}

std::string Filter::Describe() const {
  std::set<std::string> patterns(types_.begin(), types_.end());
  for (const std::string& prefix : prefixes_) patterns.insert(prefix + "*");
  return patterns.empty() ? "all" : absl::StrJoin(patterns, ",");
}

}  // namespace eventbus::bus
