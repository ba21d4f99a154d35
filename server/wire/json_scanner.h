#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace eventbus::wire {

// A string as it stands in JSON, between its quotes.
struct JsonString {
  absl::string_view raw;
  // Whether `raw` has escapes; if not, it is the string itself.
  bool escaped = false;
};

// What a step through an object or an array came to.
enum class JsonStep : std::uint8_t { kItem, kEnd, kBroken };

// Walks through one JSON text by RFC 8259, strictly: every byte passed over is checked, whether its
// value is wanted or not. The text must be UTF-8 (IsUtf8) and outlive the scanner; views
// point into it. What returns false or kBroken leaves error() and the scanner must not go on.
//
//   JsonString name;
//   JsonStep step = scanner.FirstMember(&name);
//   for (; step == JsonStep::kItem; step = scanner.NextMember(&name)) {
//     if (!scanner.Skip()) return false;
//   }
//   return step == JsonStep::kEnd;
class JsonScanner {
 public:
  // The deepest nesting of objects and arrays that an event may have; the outermost is 1.
  static constexpr int kMaxDepth = 64;

  struct Error {
    // Static text; null: none.
    const char* what = nullptr;
    std::size_t offset = 0;
    // The text may be JSON, but is nested too deep.
    bool too_deep = false;
  };

  // A place to come back to.
  struct Mark {
    const char* at;
    int depth;
  };

  explicit JsonScanner(absl::string_view text, int max_depth = kMaxDepth)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), max_depth_(max_depth) {}

  // The first byte of what follows, past white space; '\0' at the end.
  char Peek() {
    while (at_ < end_ && IsSpace(*at_)) ++at_;
    return at_ < end_ ? *at_ : '\0';
  }

  // The string that follows; the caller has seen its first quote.
  bool ReadString(JsonString* value);
  // The number that follows; an error where none does.
  bool ReadNumber(absl::string_view* number);
  // `true`, `false` or `null`.
  bool ReadWord(absl::string_view word);
  // Any value, checked and passed over; without recursion.
  bool Skip();

  // Enter the object that follows and go to its first value; go from the end of a value to the
  // next.
  JsonStep FirstMember(JsonString* name);
  JsonStep NextMember(JsonString* name);
  // The same for an array.
  JsonStep FirstElement();
  JsonStep NextElement();

  // Whether nothing but white space is left; an error if there is.
  bool Finish();

  // Where the next byte is read.
  const char* at() const { return at_; }
  Mark mark() const { return {at_, depth_}; }
  void Rewind(Mark mark) {
    at_ = mark.at;
    depth_ = mark.depth;
  }

  const Error& error() const { return error_; }

 private:
  static bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  bool Fail(const char* what);
  bool Enter();
  bool ReadName(JsonString* name);
  bool SkipEscape();
  bool SkipDigits();
  bool SkipScalar();
  JsonStep SkipOne();

  const char* begin_;
  const char* at_;
  const char* end_;
  int max_depth_;
  int depth_ = 0;
  Error error_;
  // The objects and arrays that Skip is in, each as its first byte.
  std::string open_;
};

bool IsUtf8(absl::string_view text);

// The length of the longest prefix of `text` that is UTF-8.
std::size_t ValidUtf8Prefix(absl::string_view text);

}  // namespace eventbus::wire
