#pragma once

#include "absl/strings/string_view.h"
#include "server/wire/decode_buffers.h"
#include "server/wire/json_scanner.h"

namespace eventbus::wire {

// Reads any JSON into google.protobuf.Struct and google.protobuf.Value. What does not fit: nesting
// past kMaxDepth, a number that is not the same when written again (ParseDouble), half of a
// surrogate pair in a string or name. Of members with one name the last is written, though all have
// to fit. After a misfit the output has a part of the value, and the scanner stands anywhere in it.
class StructDecoder {
 public:
  // A protobuf parser stops at 100 messages, and each level is three of them.
  static constexpr int kMaxDepth = 24;

  StructDecoder(JsonScanner* scanner, DecodeBuffers* buffers)
      : scanner_(*scanner), buffers_(*buffers) {}

  // The object that follows, as the fields of a Struct without its tag and length. `level` is its
  // level; 1: outermost.
  Fit Fields(int level);

  // The value that follows, as a Value with its length after `tag`. `level` is the level it has if
  // it is an object or an array.
  Fit Value(absl::string_view tag, int level);

 private:
  Fit Entry(const JsonString& name, int level);
  Fit Elements(int level);
  Fit Nested(char tag, int level);
  Fit String();
  Fit Number();
  Fit Word(absl::string_view word, char tag, char value);
  void DropRepeated(std::size_t base);

  JsonScanner& scanner_;
  DecodeBuffers& buffers_;
};

}  // namespace eventbus::wire
