// timestamp := (seconds | nanos)*     the last of each counts
// repeated  := one by one, each a field, or numbers packed: a length and as many bytes of them
#include "server/wire/field_encode.h"

#include <bit>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "server/event/validate.h"
#include "server/wire/allowed.h"
#include "server/wire/timestamp_format.h"
#include "server/wire/wire_type.h"

namespace eventbus::wire {
namespace {

constexpr absl::string_view kTimestamp = "google.protobuf.Timestamp";

// Field numbers of timestamp.proto.
constexpr std::uint32_t kSeconds = 1;
constexpr std::uint32_t kNanos = 2;

}  // namespace

bool FieldEncoder::Value(const FieldPlan& field, const ReadField& read, const FieldPath& path,
                         int level) {
  if (field.repeated) return Elements(field, read, path, level);
  const absl::string_view bytes = read.value.bytes;
  switch (field.kind) {
    case FieldKind::kString:
      String(field, bytes, path);
      return true;
    case FieldKind::kTimestamp:
      return Timestamp(bytes, path, level + 1);
    case FieldKind::kStruct:
      return structs_.Struct(bytes, path, level + 1);
    case FieldKind::kValue:
      return structs_.Value(bytes, path, 1, level + 1);
    default:
      Number(field, read.bits, path);
      return true;
  }
}

void FieldEncoder::AssignEventId(const FieldPlan& field) {
  event_id_ = options_.new_event_id();
  if (field.key) key_ = event_id_;
  out_.String(event_id_);
}

void FieldEncoder::AssignTimestamp() {
  const absl::Time now = options_.now();
  const std::int64_t seconds = absl::ToUnixSeconds(now);
  const std::int64_t millis = absl::ToUnixMillis(now) - seconds * 1000;
  out_.Timestamp(seconds, static_cast<std::int32_t>(millis * 1'000'000));
}

// Goes through the bytes once more, now for this field alone.
bool FieldEncoder::Elements(const FieldPlan& field, const ReadField& read, const FieldPath& path,
                            int level) {
  WireReader reader({read.begin, static_cast<std::size_t>(read.end - read.begin)}, level);
  WireField value;
  int index = 0;
  out_.Open('[');
  while (reader.Next(&value)) {
    if (static_cast<int>(value.number) != field.number) continue;
    if (value.type == WireTypeOf(field.kind)) {
      if (!Element(field, value, FieldPath(path, index++), level)) return false;
    } else if (value.type == WireType::kBytes) {
      if (!Packed(field, value.bytes, path, &index)) return false;
    }
  }
  out_.Close(']');
  return true;
}

bool FieldEncoder::Packed(const FieldPlan& field, absl::string_view bytes, const FieldPath& path,
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

bool FieldEncoder::Element(const FieldPlan& field, const WireField& value, const FieldPath& path,
                           int level) {
  if (field.kind == FieldKind::kValue) return structs_.Value(value.bytes, path, 2, level + 1);
  if (field.kind == FieldKind::kString) {
    String(field, value.bytes, path);
  } else {
    Number(field, value.bits, path);
  }
  return true;
}

void FieldEncoder::Number(const FieldPlan& field, std::uint64_t bits, const FieldPath& path) {
  if (field.kind == FieldKind::kInt64) return out_.Int64(static_cast<std::int64_t>(bits));
  if (field.kind == FieldKind::kBool) return out_.Value(bits != 0 ? "true" : "false");
  if (field.kind == FieldKind::kEnum) return Enum(field, static_cast<std::int32_t>(bits), path);
  const auto value = std::bit_cast<double>(bits);
  if (std::isfinite(value)) return out_.Double(value);
  findings_.Add(path, NotFinite(value));
}

void FieldEncoder::String(const FieldPlan& field, absl::string_view text, const FieldPath& path) {
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

void FieldEncoder::Enum(const FieldPlan& field, int number, const FieldPath& path) {
  const auto found = field.enumeration->text_of.find(number);
  if (found == field.enumeration->text_of.end()) {
    return findings_.Add(path, Instead(absl::StrCat(number), field));
  }
  out_.String(found->second);
}

bool FieldEncoder::Timestamp(absl::string_view bytes, const FieldPath& path, int depth) {
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
