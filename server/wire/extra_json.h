#pragma once

#include <forward_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace eventbus::wire {

// A member of an extra_json, as it stands there.
struct ExtraMember {
  // Unescaped; half a surrogate pair as three bytes that are not UTF-8.
  absl::string_view name;
  // With its quotes.
  absl::string_view name_text;
  absl::string_view value;
  // A later member has its name.
  bool repeated = false;
  // Stands in the place of a documented member.
  bool documented = false;
};

// The members of an extra_json; views into its text and into `names`.
struct ExtraJson {
  std::vector<ExtraMember> members;
  // Some are repeated.
  bool repeated = false;
  std::forward_list<std::string> names;
};

// Reads `text`, which must be UTF-8, as one JSON object by RFC 8259, whose members will stand in an
// object at `level` of the event. False if it is not one, or nested past kMaxNesting in all:
// `problem` says what it is instead.
bool ReadExtraJson(absl::string_view text, int level, ExtraJson* extra, std::string* problem);

}  // namespace eventbus::wire
