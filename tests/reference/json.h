#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eventbus::reference {

// A JSON value that knows the text it was read from. It views that text, which must outlive it.
struct Json {
  enum class Kind { kNull, kBool, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  // As it stood, without white space around it.
  absl::string_view text;
  bool boolean = false;
  // Of a string, unescaped; a lone surrogate as the three bytes UTF-8 would give it.
  std::string string;
  // Of a string: it has one, so no protobuf string can hold it.
  bool lone_surrogate = false;
  // Of an object, strings; `items` are the values.
  std::vector<Json> names;
  std::vector<Json> items;
  // Containers around each other, this one being the first; 0 for what is none.
  int depth = 0;

  // Of an object: the indices of its members, but of each name (compared unescaped) the last only.
  std::vector<std::size_t> LastOfEachName() const;
};

// Reads the whole of `text`, strictly by RFC 8259. InvalidArgument with the place where it is not
// JSON, OutOfRange where it nests past kDeepestRead levels (what follows is not looked at). `text`
// must be UTF-8. `deepest` is told how deep the nesting went, up to the fault if there is one.
inline constexpr int kDeepestRead = 500;
absl::StatusOr<Json> ParseJson(absl::string_view text, int* deepest = nullptr);

// Whether `text` is, from end to end, a number of RFC 8259.
bool IsJsonNumber(absl::string_view text);

// Strictly: no overlong forms, no surrogates, nothing past U+10FFFF.
bool IsUtf8(absl::string_view text);

// `text`, which must be UTF-8 but for surrogates, as a JSON string in quotes.
std::string Quote(absl::string_view text);

}  // namespace eventbus::reference
