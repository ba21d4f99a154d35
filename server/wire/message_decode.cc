#include "server/wire/message_decode.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "server/wire/number_parse.h"
#include "server/wire/repeated_names.h"
#include "server/wire/struct_decode.h"
#include "server/wire/timestamp_parse.h"

// What a member's value must be to fit its field:
//
//   string     string without half of a surrogate pair
//   bool       true, false
//   int64      number, or string that is one as a whole: ParseInt64
//   double     the same: ParseDouble
//   enum       string, the wire_name of a value
//   Timestamp  string: ParseTimestamp
//   message    object
//   Struct     object: StructDecoder
//   Value      anything: StructDecoder
//   repeated   array whose elements all fit
namespace eventbus::wire {

bool MessageDecoder::Family(const FamilyPlan& family, std::string* event_id,
                            std::string* event_type) {
  if (!Message(*family.message, &family)) return false;
  *event_id = NotedText(event_id_);
  *event_type = NotedText(event_type_);
  return true;
}

bool MessageDecoder::Message(const MessagePlan& plan, const FamilyPlan* family) {
  Frame frame{plan, buffers_.slots.size(), buffers_.kept.size(), family};
  buffers_.slots.resize(frame.slots + plan.fields.size());
  JsonString name;
  JsonStep step = scanner_.FirstMember(&name);
  for (; step == JsonStep::kItem; step = scanner_.NextMember(&name)) {
    if (!Member(name, &frame)) return false;
  }
  if (step == JsonStep::kBroken) return false;
  WriteKept(frame);
  buffers_.slots.resize(frame.slots);
  buffers_.kept.resize(frame.kept);
  return true;
}

bool MessageDecoder::Member(const JsonString& name, Frame* frame) {
  bool whole = true;
  const absl::string_view text = buffers_.Name(name, &whole);
  const int index = FindField(text, frame);
  const std::size_t slot = frame->slots + static_cast<std::size_t>(index);
  scanner_.Peek();
  const JsonScanner::Mark value = scanner_.mark();
  Fit fit = Fit::kMisfit;
  if (index >= 0) {
    ForgetEarlier(&buffers_.slots[slot], *frame);
    const std::size_t begin = buffers_.out.size();
    fit = Field(frame->plan.fields[static_cast<std::size_t>(index)]);
    if (fit == Fit::kBroken) return false;
    if (fit == Fit::kMisfit) buffers_.out.Truncate(begin);
    buffers_.slots[slot] = {begin, buffers_.out.size(), -1};
  }
  if (fit == Fit::kMisfit) {
    scanner_.Rewind(value);
    if (!scanner_.Skip()) return false;
    if (index >= 0) buffers_.slots[slot].kept = static_cast<std::ptrdiff_t>(buffers_.kept.size());
    buffers_.kept.push_back({text, name.raw, Offset(value.at), Offset(scanner_.at())});
  }
  if (frame->family != nullptr && index >= 0) {
    Note(*frame, index, {value.at, static_cast<std::size_t>(scanner_.at() - value.at)});
  }
  return true;
}

int MessageDecoder::FindField(absl::string_view name, Frame* frame) const {
  const auto& fields = frame->plan.fields;
  std::size_t index = frame->expected;
  if (index >= fields.size() || fields[index].name != name) {
    const auto found = frame->plan.by_name.find(name);
    if (found == frame->plan.by_name.end()) return -1;
    index = static_cast<std::size_t>(found->second);
  }
  frame->expected = index + 1;
  return static_cast<int>(index);
}

void MessageDecoder::ForgetEarlier(FieldSlot* slot, const Frame& frame) {
  if (slot->kept >= 0) buffers_.kept[static_cast<std::size_t>(slot->kept)].repeated = true;
  const FieldSlot gone = *slot;
  *slot = {};
  if (gone.begin == gone.end) return;
  buffers_.out.Erase(gone.begin, gone.end);
  for (std::size_t i = frame.slots; i < buffers_.slots.size(); ++i) {
    FieldSlot& other = buffers_.slots[i];
    if (other.begin < gone.end) continue;
    other.begin -= gone.end - gone.begin;
    other.end -= gone.end - gone.begin;
  }
}

void MessageDecoder::WriteKept(const Frame& frame) {
  if (buffers_.kept.size() == frame.kept) return;
  MarkRepeated(frame.kept, &buffers_.kept);
  std::size_t length = 1;
  for (std::size_t i = frame.kept; i < buffers_.kept.size(); ++i) {
    const MemberSpan& member = buffers_.kept[i];
    if (!member.repeated) length += 4 + member.raw_name.size() + member.end - member.begin;
  }
  if (length == 1) return;
  ProtoWriter& out = buffers_.out;
  out.Bytes(frame.plan.extra_json_tag);
  out.Varint(length);
  char before = '{';
  for (std::size_t i = frame.kept; i < buffers_.kept.size(); ++i) {
    const MemberSpan& member = buffers_.kept[i];
    if (member.repeated) continue;
    out.Byte(before);
    out.Byte('"');
    out.Bytes(member.raw_name);
    out.Bytes("\":");
    out.Bytes(text_.substr(member.begin, member.end - member.begin));
    before = ',';
  }
  out.Byte('}');
}

void MessageDecoder::Note(const Frame& frame, int field, absl::string_view value) {
  if (field == frame.family->event_id) event_id_ = value;
  if (field == frame.family->event_type) event_type_ = value;
}

std::string MessageDecoder::NotedText(absl::string_view value) {
  if (value.empty() || value[0] != '"') return {};
  const absl::string_view raw = value.substr(1, value.size() - 2);
  absl::string_view text;
  if (!buffers_.Text({raw, raw.find('\\') != absl::string_view::npos}, &text)) return {};
  return std::string(text);
}

Fit MessageDecoder::Field(const FieldPlan& field) {
  const std::size_t begin = buffers_.out.size();
  const Fit fit = field.repeated ? Elements(field) : One(field, 1);
  buffers_.entries.clear();
  const bool free_form = field.kind == FieldKind::kStruct || field.kind == FieldKind::kValue;
  if (fit != Fit::kFits || !free_form) return fit;
  std::size_t bytes = buffers_.out.size() - begin;
  // A length about kMaxStructBytes takes three bytes.
  if (!field.repeated) bytes -= std::min(bytes, field.tag.size() + 3);
  return bytes > kMaxStructBytes ? Fit::kMisfit : Fit::kFits;
}

Fit MessageDecoder::Elements(const FieldPlan& field) {
  if (scanner_.Peek() != '[') return Fit::kMisfit;
  JsonStep step = scanner_.FirstElement();
  for (; step == JsonStep::kItem; step = scanner_.NextElement()) {
    const Fit fit = One(field, 2);
    if (fit != Fit::kFits) return fit;
  }
  return step == JsonStep::kEnd ? Fit::kFits : Fit::kBroken;
}

Fit MessageDecoder::One(const FieldPlan& field, int level) {
  switch (field.kind) {
    case FieldKind::kString:
      return String(field);
    case FieldKind::kBool:
      return Bool(field);
    case FieldKind::kInt64:
      return Int64(field);
    case FieldKind::kDouble:
      return Double(field);
    case FieldKind::kEnum:
      return Enum(field);
    case FieldKind::kTimestamp:
      return Timestamp(field);
    case FieldKind::kMessage:
      return Nested(field);
    case FieldKind::kStruct:
      return Struct(field, level);
    case FieldKind::kValue:
      return StructDecoder(&scanner_, &buffers_).Value(field.tag, level);
  }
  return Fit::kMisfit;
}

Fit MessageDecoder::ReadText(absl::string_view* text) {
  if (scanner_.Peek() != '"') return Fit::kMisfit;
  JsonString string;
  if (!scanner_.ReadString(&string)) return Fit::kBroken;
  return buffers_.Text(string, text) ? Fit::kFits : Fit::kMisfit;
}

// A number, or the text of a string, which may be one.
Fit MessageDecoder::ReadNumber(absl::string_view* number) {
  const char first = scanner_.Peek();
  if (first == '"') return ReadText(number);
  if (first != '-' && (first < '0' || first > '9')) return Fit::kMisfit;
  return scanner_.ReadNumber(number) ? Fit::kFits : Fit::kBroken;
}

Fit MessageDecoder::String(const FieldPlan& field) {
  absl::string_view text;
  const Fit fit = ReadText(&text);
  if (fit != Fit::kFits) return fit;
  buffers_.out.Bytes(field.tag);
  buffers_.out.String(text);
  return Fit::kFits;
}

Fit MessageDecoder::Bool(const FieldPlan& field) {
  const char first = scanner_.Peek();
  if (first != 't' && first != 'f') return Fit::kMisfit;
  if (!scanner_.ReadWord(first == 't' ? "true" : "false")) return Fit::kBroken;
  buffers_.out.Bytes(field.tag);
  buffers_.out.Byte(first == 't' ? 1 : 0);
  return Fit::kFits;
}

Fit MessageDecoder::Int64(const FieldPlan& field) {
  absl::string_view text;
  const Fit fit = ReadNumber(&text);
  if (fit != Fit::kFits) return fit;
  std::int64_t number = 0;
  if (!ParseInt64(text, &number)) return Fit::kMisfit;
  buffers_.out.Bytes(field.tag);
  buffers_.out.Varint(static_cast<std::uint64_t>(number));
  return Fit::kFits;
}

Fit MessageDecoder::Double(const FieldPlan& field) {
  absl::string_view text;
  const Fit fit = ReadNumber(&text);
  if (fit != Fit::kFits) return fit;
  double number = 0;
  if (!ParseDouble(text, &number)) return Fit::kMisfit;
  buffers_.out.Bytes(field.tag);
  buffers_.out.Fixed64(std::bit_cast<std::uint64_t>(number));
  return Fit::kFits;
}

Fit MessageDecoder::Enum(const FieldPlan& field) {
  absl::string_view text;
  const Fit fit = ReadText(&text);
  if (fit != Fit::kFits) return fit;
  const auto found = field.enumeration->number_of.find(text);
  if (found == field.enumeration->number_of.end() || text.empty()) return Fit::kMisfit;
  buffers_.out.Bytes(field.tag);
  buffers_.out.Varint(static_cast<std::uint64_t>(std::int64_t{found->second}));
  return Fit::kFits;
}

Fit MessageDecoder::Timestamp(const FieldPlan& field) {
  absl::string_view text;
  const Fit fit = ReadText(&text);
  if (fit != Fit::kFits) return fit;
  WireTime time;
  if (!ParseTimestamp(text, &time)) return Fit::kMisfit;
  constexpr char kSecondsTag = 0x08;
  constexpr char kNanosTag = 0x10;
  ProtoWriter& out = buffers_.out;
  out.Bytes(field.tag);
  const std::size_t opened = out.Open();
  if (time.seconds != 0) {
    out.Byte(kSecondsTag);
    out.Varint(static_cast<std::uint64_t>(time.seconds));
  }
  if (time.nanos != 0) {
    out.Byte(kNanosTag);
    out.Varint(static_cast<std::uint64_t>(time.nanos));
  }
  out.Close(opened);
  return Fit::kFits;
}

Fit MessageDecoder::Nested(const FieldPlan& field) {
  if (scanner_.Peek() != '{') return Fit::kMisfit;
  buffers_.out.Bytes(field.tag);
  const std::size_t opened = buffers_.out.Open();
  if (!Message(*field.message, nullptr)) return Fit::kBroken;
  buffers_.out.Close(opened);
  return Fit::kFits;
}

Fit MessageDecoder::Struct(const FieldPlan& field, int level) {
  if (scanner_.Peek() != '{') return Fit::kMisfit;
  buffers_.out.Bytes(field.tag);
  const std::size_t opened = buffers_.out.Open();
  const Fit fit = StructDecoder(&scanner_, &buffers_).Fields(level);
  if (fit == Fit::kFits) buffers_.out.Close(opened);
  return fit;
}

}  // namespace eventbus::wire
