#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace eventbus::wire {

// Where a field is: a list of names from the innermost out. Made on the stack on the way down and
// only put into words when something is wrong; a path must not outlive the one it is below.
class FieldPath {
 public:
  explicit FieldPath(absl::string_view base) : name_(base) {}
  FieldPath(const FieldPath& parent, absl::string_view name) : parent_(&parent), name_(name) {}
  FieldPath(const FieldPath& parent, int index) : parent_(&parent), index_(index) {}

  // `event.analytics.payload.metadata.tags[2]`; a name longer than 64 bytes is cut.
  std::string ToString() const;

 private:
  const FieldPath* parent_ = nullptr;
  absl::string_view name_;
  int index_ = -1;
};

// `text` cut to 64 bytes at most, at a character's end, with `...` where something is missing; what
// is not UTF-8, or no printable character, is `?`.
std::string Shortened(absl::string_view text);

// The same in quotes.
std::string InQuotes(absl::string_view text);

}  // namespace eventbus::wire
