#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/wire/encode.h"
#include "server/wire/encode_buffers.h"
#include "server/wire/extra_json.h"
#include "server/wire/field_path.h"
#include "server/wire/findings.h"
#include "server/wire/plan.h"
#include "server/wire/struct_encode.h"
#include "server/wire/wire_reader.h"

namespace eventbus::wire {

// A field of a message as far as its bytes have been read.
struct ReadField {
  bool set = false;
  std::uint64_t bits = 0;  // Of a number.
  MergedBytes value;       // Of what has bytes.
  // Of what is repeated: from its first occurrence to the end of its last.
  const char* begin = nullptr;
  const char* end = nullptr;
  // Stands in the field's place.
  const ExtraMember* extra = nullptr;
};

// Writes the values of fields, but for messages with a plan of their own, and finds what the rules
// do not allow in them.
class FieldEncoder {
 public:
  FieldEncoder(const EncodeOptions& options, EncodeBuffers* buffers, Findings* findings)
      : options_(options),
        publishing_(options.rules == Rules::kPublish),
        out_(buffers->out),
        findings_(*findings),
        structs_(buffers, findings) {}

  // Writes the value of a field that is set, in a message at `level`. False: the bytes are not
  // protobuf.
  bool Value(const FieldPlan& field, const ReadField& read, const FieldPath& path, int level);

  // Write what the server puts in.
  void AssignEventId(const FieldPlan& field);
  void AssignTimestamp();

  // Of the fields with these roles, as written last; empty: not written.
  const std::string& event_id() const { return event_id_; }
  const std::string& key() const { return key_; }

 private:
  bool Elements(const FieldPlan& field, const ReadField& read, const FieldPath& path, int level);
  bool Packed(const FieldPlan& field, absl::string_view bytes, const FieldPath& path, int* index);
  bool Element(const FieldPlan& field, const WireField& value, const FieldPath& path, int level);
  void Number(const FieldPlan& field, std::uint64_t bits, const FieldPath& path);
  void String(const FieldPlan& field, absl::string_view text, const FieldPath& path);
  void Enum(const FieldPlan& field, int number, const FieldPath& path);
  bool Timestamp(absl::string_view bytes, const FieldPath& path, int depth);

  const EncodeOptions& options_;
  const bool publishing_;
  JsonWriter& out_;
  Findings& findings_;
  StructEncoder structs_;
  std::string event_id_;
  std::string key_;
};

}  // namespace eventbus::wire
