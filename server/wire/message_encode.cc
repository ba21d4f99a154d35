// message := field*        any order, each field any number of times
// field   := single        the last counts; sub-messages merge
//          | repeated      one by one, or numbers packed: a length and as many bytes of them
//          | extra_json    the last counts
#include "server/wire/message_encode.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/wire/allowed.h"
#include "server/wire/json_scanner.h"
#include "server/wire/wire_type.h"

namespace eventbus::wire {
namespace {

constexpr absl::string_view kExtraJson = "extra_json";
constexpr absl::string_view kNull = "null";

absl::string_view MessageName(const FieldPlan& field) {
  switch (field.kind) {
    case FieldKind::kTimestamp:
      return "google.protobuf.Timestamp";
    case FieldKind::kStruct:
      return "google.protobuf.Struct";
    case FieldKind::kValue:
      return "google.protobuf.Value";
    default:
      return field.message->full_name;
  }
}

bool IsNumber(FieldKind kind) { return WireTypeOf(kind) != WireType::kBytes; }

}  // namespace

bool MessageEncoder::Family(const FamilyPlan& family, absl::string_view bytes,
                            const FieldPath& path) {
  return Message(*family.message, bytes, path, 1, true);
}

bool MessageEncoder::Message(const MessagePlan& plan, absl::string_view bytes,
                             const FieldPath& path, int level, bool present) {
  Frame frame(plan, path, level, present);
  if (!Scan(bytes, &frame)) return false;
  if (!frame.extra_text.empty()) ReadExtra(&frame);
  out_.Open('{');
  for (std::size_t i = 0; i < plan.fields.size(); ++i) {
    if (!Member(plan.fields[i], frame.fields[i], frame)) return false;
  }
  WriteExtra(frame);
  out_.Close('}');
  return true;
}

bool MessageEncoder::Scan(absl::string_view bytes, Frame* frame) {
  WireReader reader(bytes, frame->level);
  WireField field;
  const char* begin = reader.at();
  while (reader.Next(&field)) {
    const Taken taken = Take(field, begin, reader.at(), frame);
    if (taken == Taken::kBroken) return false;
    if (taken == Taken::kUnknown) {
      findings_.AddUnknown(frame->path, field, frame->plan.full_name);
    }
    begin = reader.at();
  }
  return reader.fault() == WireFault::kNone ||
         findings_.Malformed(frame->path, reader.fault(), frame->plan.full_name);
}

// A known number of another wire type is an unknown field.
MessageEncoder::Taken MessageEncoder::Take(const WireField& field, const char* begin,
                                           const char* end, Frame* frame) {
  const MessagePlan& message = frame->plan;
  const int index = field.number < message.by_number.size() ? message.by_number[field.number] : -1;
  if (index < 0) return TakeExtra(field, frame);
  const FieldPlan& plan = message.fields[static_cast<std::size_t>(index)];
  ReadField& read = frame->fields[static_cast<std::size_t>(index)];
  const bool packed = plan.repeated && IsNumber(plan.kind) && field.type == WireType::kBytes;
  if (field.type != WireTypeOf(plan.kind) && !packed) return Taken::kUnknown;
  if (!plan.repeated) return TakeSingle(field, plan, *frame, &read);
  if (!read.set) read.begin = begin;
  read.set = true;
  read.end = end;
  return Taken::kTaken;
}

MessageEncoder::Taken MessageEncoder::TakeSingle(const WireField& field, const FieldPlan& plan,
                                                 const Frame& frame, ReadField* read) {
  if (field.type != WireType::kBytes) {
    read->bits = field.bits;
    // An enum's zero is not set.
    read->set = plan.kind != FieldKind::kEnum || static_cast<std::int32_t>(field.bits) != 0;
    return Taken::kTaken;
  }
  if (read->set) return TakeAgain(field, plan, frame, read);
  read->value.bytes = field.bytes;
  read->set = true;
  return Taken::kTaken;
}

// A string takes the place of the former, a sub-message is added to it.
MessageEncoder::Taken MessageEncoder::TakeAgain(const WireField& field, const FieldPlan& plan,
                                                const Frame& frame, ReadField* read) {
  const FieldPath path(frame.path, plan.name);
  if (plan.kind == FieldKind::kString) {
    if (!IsUtf8(read->value.bytes)) findings_.AddNotUtf8(path);
    read->value.bytes = field.bytes;
    return Taken::kTaken;
  }
  const WireFault fault = buffers_.Merge(field.bytes, frame.level + 1, &read->value);
  if (fault == WireFault::kNone) return Taken::kTaken;
  findings_.Malformed(path, fault, MessageName(plan));
  return Taken::kBroken;
}

MessageEncoder::Taken MessageEncoder::TakeExtra(const WireField& field, Frame* frame) {
  const bool extra = static_cast<int>(field.number) == frame->plan.extra_json_number;
  if (!extra || field.type != WireType::kBytes) return Taken::kUnknown;
  if (!IsUtf8(field.bytes)) findings_.AddNotUtf8(FieldPath(frame->path, kExtraJson));
  frame->extra_text = field.bytes;
  return Taken::kTaken;
}

void MessageEncoder::ReadExtra(Frame* frame) {
  const FieldPath path(frame->path, kExtraJson);
  if (!IsUtf8(frame->extra_text)) return;  // Found before.
  std::string problem;
  if (!ReadExtraJson(frame->extra_text, frame->level, &frame->extra, &problem)) {
    findings_.Add(path, std::move(problem));
    frame->extra.members.clear();
    return;
  }
  for (ExtraMember& member : frame->extra.members) PlaceExtra(&member, path, frame);
}

void MessageEncoder::PlaceExtra(ExtraMember* member, const FieldPath& path, Frame* frame) {
  if (member->repeated) {
    if (publishing_) {
      findings_.Add(path, absl::StrCat("the name ", InQuotes(member->name),
                                       " more than once, each name is allowed once"));
    }
    return;
  }
  const auto found = frame->plan.by_name.find(member->name);
  if (found == frame->plan.by_name.end()) return;
  const auto index = static_cast<std::size_t>(found->second);
  const FieldPlan& field = frame->plan.fields[index];
  ReadField& read = frame->fields[index];
  member->documented = true;
  read.extra = member;
  if (!publishing_ || source_ == Source::kJson) return;
  if (member->value == kNull && MayStand(field, read)) return;
  findings_.Add(path, absl::StrCat("the documented name ", InQuotes(member->name),
                                   ", only null for a field neither required nor set is allowed"));
}

void MessageEncoder::WriteExtra(const Frame& frame) {
  for (const ExtraMember& member : frame.extra.members) {
    if (member.documented || member.repeated) continue;
    out_.Raw(member.name_text);
    out_.Raw(":");
    out_.Value(member.value);
  }
}

bool MessageEncoder::IsGiven(const FieldPlan& field, const ReadField& read) const {
  if (!read.set) return false;
  return field.role != FieldRole::kEventId || !publishing_ || !read.value.bytes.empty();
}

// Whether null may stand in the field's place.
bool MessageEncoder::MayStand(const FieldPlan& field, const ReadField& read) const {
  return !field.required && !IsGiven(field, read);
}

bool MessageEncoder::Member(const FieldPlan& field, const ReadField& read, const Frame& frame) {
  if (read.extra != nullptr) return Replaced(field, read, frame);
  if (!IsGiven(field, read)) return Absent(field, frame);
  out_.Raw(field.json_name);
  return Value(field, read, frame);
}

bool MessageEncoder::Replaced(const FieldPlan& field, const ReadField& read, const Frame& frame) {
  const bool stands = read.extra->value == kNull && MayStand(field, read);
  if (IsGiven(field, read)) {
    const std::size_t before = out_.size();
    if (!Value(field, read, frame)) return false;
    out_.Truncate(before);
  } else if (publishing_ && stands && field.role != FieldRole::kNone) {
    return Absent(field, frame);
  } else if (source_ == Source::kProtobuf) {
    CheckRequired(field, frame);
  }
  if (publishing_ && !stands && source_ == Source::kJson) {
    findings_.Add(FieldPath(frame.path, field.name), Instead(Shortened(read.extra->value), field));
  }
  out_.Raw(field.json_name);
  out_.Value(read.extra->value);
  return true;
}

bool MessageEncoder::Absent(const FieldPlan& field, const Frame& frame) {
  CheckRequired(field, frame);
  if (publishing_ && field.role == FieldRole::kEventId) {
    out_.Raw(field.json_name);
    fields_.AssignEventId(field);
  } else if (publishing_ && field.role == FieldRole::kTimestamp) {
    out_.Raw(field.json_name);
    fields_.AssignTimestamp();
  } else if (field.repeated) {
    out_.Raw(field.json_name);
    out_.Value("[]");
  } else if (field.kind == FieldKind::kStruct) {
    out_.Raw(field.json_name);
    out_.Value("{}");
  } else if (field.kind == FieldKind::kMessage && frame.level == 1) {
    // The payload is always there. A message inside it is left out: it may be set and empty, too.
    out_.Raw(field.json_name);
    const FieldPath path(frame.path, field.name);
    return Message(*field.message, {}, path, frame.level + 1, false);
  }
  return true;
}

void MessageEncoder::CheckRequired(const FieldPlan& field, const Frame& frame) {
  if (!publishing_ || !field.required || !frame.present) return;
  findings_.Add(FieldPath(frame.path, field.name), Instead("unset", field));
}

bool MessageEncoder::Value(const FieldPlan& field, const ReadField& read, const Frame& frame) {
  const FieldPath path(frame.path, field.name);
  if (field.kind != FieldKind::kMessage) return fields_.Value(field, read, path, frame.level);
  return Message(*field.message, read.value.bytes, path, frame.level + 1, true);
}

}  // namespace eventbus::wire
