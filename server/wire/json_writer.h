#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "absl/strings/string_view.h"

namespace eventbus::wire {

// A buffer that JSON is written into front to back, without white space, and that is used again
// from event to event. Every value and member leaves a comma behind; Close puts the bracket in its
// place.
class JsonWriter {
 public:
  absl::string_view written() const { return {data_.get(), size()}; }
  std::size_t size() const { return static_cast<std::size_t>(at_ - data_.get()); }

  // Empties the buffer; keeps its memory up to `max_kept`.
  void Clear(std::size_t max_kept = 1 << 20);

  // Forgets everything from `size` on.
  void Truncate(std::size_t size) { at_ = data_.get() + size; }

  void Open(char bracket) { Byte(bracket); }
  void Close(char bracket) {
    if (at_[-1] == ',') --at_;
    char* const out = Reserve(2);
    out[0] = bracket;
    out[1] = ',';
    at_ = out + 2;
  }

  // Takes back the comma after the outermost value.
  void End() { --at_; }

  // JSON as it stands, such as `"name":`.
  void Raw(absl::string_view json) {
    char* const out = Reserve(json.size());
    std::memcpy(out, json.data(), json.size());
    at_ = out + json.size();
  }

  // A whole value, or what stands for one.
  void Value(absl::string_view json) {
    Raw(json);
    Byte(',');
  }

  // A string that needs no escapes.
  void Plain(absl::string_view text) {
    char* const out = Reserve(text.size() + 3);
    out[0] = '"';
    std::memcpy(out + 1, text.data(), text.size());
    out[text.size() + 1] = '"';
    out[text.size() + 2] = ',';
    at_ = out + text.size() + 3;
  }

  // Any text; escaped is only what RFC 8259 demands: `"`, `\`, and U+0000 to U+001F, which are
  // written as \b \f \n \r \t or \u00xx. False, with nothing written, if it is not UTF-8.
  bool String(absl::string_view text) { return Quoted(text, ','); }
  bool Name(absl::string_view text) { return Quoted(text, ':'); }

  void Int64(std::int64_t value);
  void Double(double value);                                 // Finite.
  void Timestamp(std::int64_t seconds, std::int32_t nanos);  // IsTimestamp.

 private:
  // Room for `count` bytes, at the end.
  char* Reserve(std::size_t count) {
    if (static_cast<std::size_t>(end_ - at_) < count) Grow(count);
    return at_;
  }

  void Byte(char byte) {
    *Reserve(1) = byte;
    ++at_;
  }

  void Grow(std::size_t count);
  bool Quoted(absl::string_view text, char after);
  void Escape(absl::string_view text);

  std::unique_ptr<char[]> data_;
  char* at_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace eventbus::wire
