#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "server/wire/decode_buffers.h"
#include "server/wire/json_scanner.h"
#include "server/wire/plan.h"

namespace eventbus::wire {

// Reads JSON objects into the messages of a plan. A member that fits its field goes there; every
// other one is kept in extra_json, name and value as they stand. Of members with one name the last
// is taken and those before it are undone.
class MessageDecoder {
 public:
  // The most bytes of a Struct or Value, or of all of a repeated one with their tags and lengths.
  static constexpr std::size_t kMaxStructBytes = 1 << 20;

  // `text` is what `scanner` reads.
  MessageDecoder(absl::string_view text, JsonScanner* scanner, DecodeBuffers* buffers)
      : text_(text), scanner_(*scanner), buffers_(*buffers) {}

  // The object that follows, as the fields of the family's message without its tag and length; what
  // its members event_id and event_type say, where they are strings that UTF-8 can hold, else
  // empty. False: broken.
  bool Family(const FamilyPlan& family, std::string* event_id, std::string* event_type);

 private:
  // One object while it is read; its slots and kept members lie from these places on.
  struct Frame {
    const MessagePlan& plan;
    std::size_t slots;
    std::size_t kept;
    // Set in the outermost object.
    const FamilyPlan* family;
    // The field that comes next if members stand in the documented order.
    std::size_t expected = 0;
  };

  bool Message(const MessagePlan& plan, const FamilyPlan* family);
  bool Member(const JsonString& name, Frame* frame);
  int FindField(absl::string_view name, Frame* frame) const;
  void ForgetEarlier(FieldSlot* slot, const Frame& frame);
  void WriteKept(const Frame& frame);
  void Note(const Frame& frame, int field, absl::string_view value);
  std::string NotedText(absl::string_view value);

  std::size_t Offset(const char* at) const { return static_cast<std::size_t>(at - text_.data()); }

  Fit Field(const FieldPlan& field);
  Fit Elements(const FieldPlan& field);
  Fit One(const FieldPlan& field, int level);
  Fit String(const FieldPlan& field);
  Fit Bool(const FieldPlan& field);
  Fit Int64(const FieldPlan& field);
  Fit Double(const FieldPlan& field);
  Fit Enum(const FieldPlan& field);
  Fit Timestamp(const FieldPlan& field);
  Fit Nested(const FieldPlan& field);
  Fit Struct(const FieldPlan& field, int level);
  Fit ReadText(absl::string_view* text);
  Fit ReadNumber(absl::string_view* number);

  absl::string_view text_;
  JsonScanner& scanner_;
  DecodeBuffers& buffers_;
  // The values of event_id and event_type as they stand; empty: absent.
  absl::string_view event_id_;
  absl::string_view event_type_;
};

}  // namespace eventbus::wire
