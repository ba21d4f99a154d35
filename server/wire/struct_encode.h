#pragma once

#include "absl/strings/string_view.h"
#include "server/wire/encode_buffers.h"
#include "server/wire/field_path.h"
#include "server/wire/findings.h"
#include "server/wire/wire_reader.h"

namespace eventbus::wire {

// Writes google.protobuf.Struct and google.protobuf.Value as the JSON they stand for, members in
// the order of their bytes. Found wrong: a Value without a kind, NaN and Infinity, nesting past
// kMaxValueNesting, fields that they do not have. False: the bytes are not protobuf.
class StructEncoder {
 public:
  StructEncoder(EncodeBuffers* buffers, Findings* findings)
      : buffers_(*buffers), out_(buffers->out), findings_(*findings) {}

  // `depth`: how many messages it is inside of.
  bool Struct(absl::string_view bytes, const FieldPath& path, int depth);

  // `level`: the level of nesting it has if it is an object or an array.
  bool Value(absl::string_view bytes, const FieldPath& path, int level, int depth);

 private:
  // The kind of a Value as far as it has been read.
  struct Kind {
    std::uint32_t number = 0;
    std::uint64_t bits = 0;
    MergedBytes merged;
  };

  // Where in the event: levels of nesting of JSON, and messages around it.
  struct Place {
    int level;
    int depth;
  };

  bool Object(absl::string_view bytes, const FieldPath& path, Place place);
  bool Entries(absl::string_view bytes, const FieldPath& path, Place place);
  bool Entry(absl::string_view bytes, const FieldPath& path, Place place);
  bool Member(const StructEntry& entry, const FieldPath& path, Place place);
  bool Array(absl::string_view bytes, const FieldPath& path, Place place);
  bool Any(absl::string_view bytes, const FieldPath& path, Place place);
  bool Take(const WireField& field, const FieldPath& path, Place place, Kind* kind);
  bool Drop(const Kind& kind, const FieldPath& path, Place place);
  bool Write(const Kind& kind, const FieldPath& path, Place place);
  void Number(std::uint64_t bits, const FieldPath& path);
  void CheckNesting(Place place);

  EncodeBuffers& buffers_;
  JsonWriter& out_;
  Findings& findings_;
  // The field as a whole, to which too deep a nesting is laid, once.
  const FieldPath* whole_ = nullptr;
  bool too_deep_ = false;
};

}  // namespace eventbus::wire
