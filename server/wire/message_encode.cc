// message := field*        any order, each field any number of times
// field   := single        the last counts; sub-messages merge
//          | repeated      one by one, or numbers packed: a length and as many bytes of them
//          | extra_json    the last counts
#include "server/wire/message_encode.h"

#include <bit>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/event/validate.h"
#include "server/wire/allowed.h"
#include "server/wire/json_scanner.h"
#include "server/wire/timestamp_format.h"
#include "server/wire/wire_type.h"

namespace eventbus::wire {
namespace {

constexpr absl::string_view kExtraJson = "extra_json";
constexpr absl::string_view kTimestamp = "google.protobuf.Timestamp";
constexpr absl::string_view kNull = "null";

// Field numbers of timestamp.proto.
constexpr std::uint32_t kSeconds = 1;
constexpr std::uint32_t kNanos = 2;

bool IsNumber(FieldKind kind) { return WireTypeOf(kind) != WireType::kBytes; }

std::string InQuotes(absl::string_view text) { return absl::StrCat("\"", Shortened(text), "\""); }

}  // namespace

bool MessageEncoder::Family(const FamilyPlan& family, absl::string_view bytes,
                            const FieldPath& path) {
  event_id_.clear();
  key_.clear();
  return Message(*family.message, bytes, path, 1, true);
}

bool MessageEncoder::Message(const MessagePlan& plan, absl::string_view bytes,
                             const FieldPath& path, int level, bool present) {
  Frame frame(plan, path, level, present);
  if (!Scan(bytes, &frame)) return false;
  if (!frame.extra_text.empty()) ReadExtra(&frame);
  out_.Open('{');
  for (std::size_t i = 0; i < plan.fields.size(); ++i) {
    if (!Member(plan.fields[i], frame.slots[i], frame)) return false;
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
    if (!Take(field, begin, reader.at(), frame)) {
      findings_.AddUnknown(frame->path, field, frame->plan.full_name);
    }
    begin = reader.at();
  }
  return reader.fault() == WireFault::kNone ||
         findings_.Malformed(frame->path, reader.fault(), frame->plan.full_name);
}

// False: the message has no such field. A known number of another wire type is none either.
bool MessageEncoder::Take(const WireField& field, const char* begin, const char* end,
                          Frame* frame) {
  const MessagePlan& message = frame->plan;
  const int index = field.number < message.by_number.size() ? message.by_number[field.number] : -1;
  if (index < 0) return TakeExtra(field, frame);
  const FieldPlan& plan = message.fields[static_cast<std::size_t>(index)];
  Slot& slot = frame->slots[static_cast<std::size_t>(index)];
  const bool packed = plan.repeated && IsNumber(plan.kind) && field.type == WireType::kBytes;
  if (field.type != WireTypeOf(plan.kind) && !packed) return false;
  if (!plan.repeated) {
    TakeSingle(field, plan, frame->path, &slot);
    return true;
  }
  if (!slot.set) slot.begin = begin;
  slot.set = true;
  slot.end = end;
  return true;
}

void MessageEncoder::TakeSingle(const WireField& field, const FieldPlan& plan,
                                const FieldPath& above, Slot* slot) {
  if (field.type != WireType::kBytes) {
    slot->bits = field.bits;
  } else if (!slot->set) {
    slot->value.bytes = field.bytes;
  } else if (plan.kind != FieldKind::kString) {
    buffers_.Merge(field.bytes, &slot->value);
  } else {
    if (!IsUtf8(slot->value.bytes)) findings_.AddNotUtf8(FieldPath(above, plan.name));
    slot->value.bytes = field.bytes;
  }
  // An enum's zero is not set.
  slot->set = plan.kind != FieldKind::kEnum || static_cast<std::int32_t>(field.bits) != 0;
}

bool MessageEncoder::TakeExtra(const WireField& field, Frame* frame) {
  if (static_cast<int>(field.number) != frame->plan.extra_json_number) return false;
  if (field.type != WireType::kBytes) return false;
  if (!IsUtf8(field.bytes)) findings_.AddNotUtf8(FieldPath(frame->path, kExtraJson));
  frame->extra_text = field.bytes;
  return true;
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
  Slot& slot = frame->slots[index];
  member->documented = true;
  slot.extra = member;
  if (!publishing_ || source_ == Source::kJson) return;
  if (member->value == kNull && MayStand(field, slot)) return;
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

bool MessageEncoder::IsGiven(const FieldPlan& field, const Slot& slot) const {
  if (!slot.set) return false;
  return field.role != FieldRole::kEventId || !publishing_ || !slot.value.bytes.empty();
}

// Whether null may stand in the field's place.
bool MessageEncoder::MayStand(const FieldPlan& field, const Slot& slot) const {
  return !field.required && !IsGiven(field, slot);
}

bool MessageEncoder::Member(const FieldPlan& field, const Slot& slot, const Frame& frame) {
  if (slot.extra != nullptr) return Replaced(field, slot, frame);
  if (!IsGiven(field, slot)) return Absent(field, frame);
  out_.Raw(field.json_name);
  return Value(field, slot, frame);
}

bool MessageEncoder::Replaced(const FieldPlan& field, const Slot& slot, const Frame& frame) {
  const bool stands = slot.extra->value == kNull && MayStand(field, slot);
  if (IsGiven(field, slot)) {
    const std::size_t before = out_.size();
    if (!Value(field, slot, frame)) return false;
    out_.Truncate(before);
  } else if (publishing_ && stands && field.role != FieldRole::kNone) {
    return Absent(field, frame);
  } else if (source_ == Source::kProtobuf) {
    CheckRequired(field, frame);
  }
  if (publishing_ && !stands && source_ == Source::kJson) {
    findings_.Add(FieldPath(frame.path, field.name), Instead(Shortened(slot.extra->value), field));
  }
  out_.Raw(field.json_name);
  out_.Value(slot.extra->value);
  return true;
}

bool MessageEncoder::Absent(const FieldPlan& field, const Frame& frame) {
  CheckRequired(field, frame);
  if (publishing_ && field.role == FieldRole::kEventId) {
    AssignEventId(field);
  } else if (publishing_ && field.role == FieldRole::kTimestamp) {
    AssignTimestamp(field);
  } else if (field.repeated) {
    out_.Raw(field.json_name);
    out_.Value("[]");
  } else if (field.kind == FieldKind::kStruct) {
    out_.Raw(field.json_name);
    out_.Value("{}");
  } else if (field.kind == FieldKind::kMessage) {
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

void MessageEncoder::AssignEventId(const FieldPlan& field) {
  event_id_ = options_.new_event_id();
  if (field.key) key_ = event_id_;
  out_.Raw(field.json_name);
  out_.String(event_id_);
}

void MessageEncoder::AssignTimestamp(const FieldPlan& field) {
  const absl::Time now = options_.now();
  const std::int64_t seconds = absl::ToUnixSeconds(now);
  const std::int64_t millis = absl::ToUnixMillis(now) - seconds * 1000;
  out_.Raw(field.json_name);
  out_.Timestamp(seconds, static_cast<std::int32_t>(millis * 1'000'000));
}

bool MessageEncoder::Value(const FieldPlan& field, const Slot& slot, const Frame& frame) {
  if (field.repeated) return Elements(field, slot, frame);
  const FieldPath path(frame.path, field.name);
  const absl::string_view bytes = slot.value.bytes;
  switch (field.kind) {
    case FieldKind::kString:
      String(field, bytes, path);
      return true;
    case FieldKind::kTimestamp:
      return Timestamp(bytes, path, frame.level + 1);
    case FieldKind::kMessage:
      return Message(*field.message, bytes, path, frame.level + 1, true);
    case FieldKind::kStruct:
      return structs_.Struct(bytes, path, frame.level + 1);
    case FieldKind::kValue:
      return structs_.Value(bytes, path, 1, frame.level + 1);
    default:
      Number(field, slot.bits, path);
      return true;
  }
}

// Goes through the bytes once more, now for this field alone.
bool MessageEncoder::Elements(const FieldPlan& field, const Slot& slot, const Frame& frame) {
  const FieldPath path(frame.path, field.name);
  WireReader reader({slot.begin, static_cast<std::size_t>(slot.end - slot.begin)}, frame.level);
  WireField value;
  int index = 0;
  out_.Open('[');
  while (reader.Next(&value)) {
    if (static_cast<int>(value.number) != field.number) continue;
    if (value.type == WireTypeOf(field.kind)) {
      if (!Element(field, value, FieldPath(path, index++), frame.level)) return false;
    } else if (value.type == WireType::kBytes) {
      if (!Packed(field, value.bytes, path, &index)) return false;
    }
  }
  out_.Close(']');
  return true;
}

bool MessageEncoder::Packed(const FieldPlan& field, absl::string_view bytes, const FieldPath& path,
                            int* index) {
  WireReader reader(bytes);
  std::uint64_t bits = 0;
  const bool fixed = WireTypeOf(field.kind) == WireType::kFixed64;
  while (fixed ? reader.NextFixed64(&bits) : reader.NextVarint(&bits)) {
    Number(field, bits, FieldPath(path, (*index)++));
  }
  return reader.fault() == WireFault::kNone ||
         findings_.Malformed(path, reader.fault(), "a packed field");
}

bool MessageEncoder::Element(const FieldPlan& field, const WireField& value, const FieldPath& path,
                             int level) {
  if (field.kind == FieldKind::kValue) return structs_.Value(value.bytes, path, 2, level + 1);
  if (field.kind == FieldKind::kString) {
    String(field, value.bytes, path);
  } else {
    Number(field, value.bits, path);
  }
  return true;
}

void MessageEncoder::Number(const FieldPlan& field, std::uint64_t bits, const FieldPath& path) {
  if (field.kind == FieldKind::kInt64) return out_.Int64(static_cast<std::int64_t>(bits));
  if (field.kind == FieldKind::kBool) return out_.Value(bits != 0 ? "true" : "false");
  if (field.kind == FieldKind::kEnum) return Enum(field, static_cast<std::int32_t>(bits), path);
  const auto value = std::bit_cast<double>(bits);
  if (std::isfinite(value)) return out_.Double(value);
  findings_.Add(path, NotFinite(value));
}

void MessageEncoder::String(const FieldPlan& field, absl::string_view text, const FieldPath& path) {
  if (field.role == FieldRole::kEventId) event_id_ = std::string(text);
  if (field.key) key_ = std::string(text);
  if (publishing_ && field.uuid && event::IsUuid(text)) return out_.Plain(text);
  if (!out_.String(text)) return findings_.AddNotUtf8(path);
  if (!publishing_) return;
  if (text.empty() && (field.required || field.uuid)) {
    findings_.Add(path, Instead("empty", field));
  } else if (field.uuid) {
    findings_.Add(path, Instead(InQuotes(text), field));
  }
}

void MessageEncoder::Enum(const FieldPlan& field, int number, const FieldPath& path) {
  const auto found = field.enumeration->text_of.find(number);
  if (found == field.enumeration->text_of.end()) {
    return findings_.Add(path, Instead(absl::StrCat(number), field));
  }
  out_.String(found->second);
}

bool MessageEncoder::Timestamp(absl::string_view bytes, const FieldPath& path, int depth) {
  WireReader reader(bytes, depth);
  WireField field;
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
  while (reader.Next(&field)) {
    if (field.type != WireType::kVarint || field.number > kNanos) {
      findings_.AddUnknown(path, field, kTimestamp);
    } else if (field.number == kSeconds) {
      seconds = static_cast<std::int64_t>(field.bits);
    } else {
      nanos = static_cast<std::int32_t>(field.bits);
    }
  }
  if (reader.fault() != WireFault::kNone) {
    return findings_.Malformed(path, reader.fault(), kTimestamp);
  }
  if (IsTimestamp(seconds, nanos)) {
    out_.Timestamp(seconds, nanos);
  } else {
    findings_.Add(path, absl::StrCat(seconds, " seconds and ", nanos,
                                     " nanos, the years 0001-9999 and nanos 0-999999999 are "
                                     "allowed"));
  }
  return true;
}

}  // namespace eventbus::wire
