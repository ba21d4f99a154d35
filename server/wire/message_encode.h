#pragma once

#include <cstdint>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "server/wire/encode.h"
#include "server/wire/encode_buffers.h"
#include "server/wire/extra_json.h"
#include "server/wire/field_encode.h"
#include "server/wire/field_path.h"
#include "server/wire/findings.h"
#include "server/wire/plan.h"
#include "server/wire/wire_reader.h"

namespace eventbus::wire {

// What an event was made from, which is what its violations speak of.
enum class Source {
  kProtobuf,
  kJson,  // What did not fit lies in extra_json.
};

// Writes one event's messages as JSON: takes in the fields of each as they come, then writes them
// in the documented order. What breaks a rule is found, and written on.
class MessageEncoder {
 public:
  MessageEncoder(const EncodeOptions& options, Source source, EncodeBuffers* buffers,
                 Findings* findings)
      : publishing_(options.rules == Rules::kPublish),
        source_(source),
        buffers_(*buffers),
        out_(buffers->out),
        findings_(*findings),
        fields_(options, buffers, findings) {}

  // Writes the family's object, once. False: the bytes are not protobuf.
  bool Family(const FamilyPlan& family, absl::string_view bytes, const FieldPath& path);

  // Of what Family wrote.
  const std::string& event_id() const { return fields_.event_id(); }
  const std::string& key() const { return fields_.key(); }

 private:
  // One message while it is written.
  struct Frame {
    Frame(const MessagePlan& message, const FieldPath& at, int nesting, bool is_present)
        : plan(message),
          path(at),
          level(nesting),
          present(is_present),
          fields(message.fields.size()) {}

    const MessagePlan& plan;
    const FieldPath& path;
    // Of nesting, both of JSON and of messages; the family's is 1.
    const int level;
    // An absent one is written as if it were empty, but demands nothing.
    const bool present;
    absl::InlinedVector<ReadField, 12> fields;
    absl::string_view extra_text;
    ExtraJson extra;
  };

  // What became of one field of the bytes.
  enum class Taken { kTaken, kUnknown, kBroken };

  bool Message(const MessagePlan& plan, absl::string_view bytes, const FieldPath& path, int level,
               bool present);

  bool Scan(absl::string_view bytes, Frame* frame);
  Taken Take(const WireField& field, const char* begin, const char* end, Frame* frame);
  Taken TakeExtra(const WireField& field, Frame* frame);
  Taken TakeSingle(const WireField& field, const FieldPlan& plan, const Frame& frame,
                   ReadField* read);
  Taken TakeAgain(const WireField& field, const FieldPlan& plan, const Frame& frame,
                  ReadField* read);

  void ReadExtra(Frame* frame);
  void PlaceExtra(ExtraMember* member, const FieldPath& path, Frame* frame);
  void WriteExtra(const Frame& frame);

  bool IsGiven(const FieldPlan& field, const ReadField& read) const;
  bool MayStand(const FieldPlan& field, const ReadField& read) const;
  bool Member(const FieldPlan& field, const ReadField& read, const Frame& frame);
  bool Replaced(const FieldPlan& field, const ReadField& read, const Frame& frame);
  bool Absent(const FieldPlan& field, const Frame& frame);
  void CheckRequired(const FieldPlan& field, const Frame& frame);
  bool Value(const FieldPlan& field, const ReadField& read, const Frame& frame);

  const bool publishing_;
  const Source source_;
  EncodeBuffers& buffers_;
  JsonWriter& out_;
  Findings& findings_;
  FieldEncoder fields_;
};

}  // namespace eventbus::wire
