// Struct    := (fields)*                entry := (key | value)*      of a key the last entry counts
// ListValue := (values)*
// Value     := (null | number | string | bool | struct | list)*      the last kind counts
//
// Of a key in one entry the last counts, a value merges; so does a struct or a list that comes
// again with no other kind in between.
#include "server/wire/struct_encode.h"

#include <bit>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "server/wire/allowed.h"
#include "server/wire/json_scanner.h"
#include "server/wire/repeated_names.h"

namespace eventbus::wire {
namespace {

constexpr absl::string_view kStruct = "google.protobuf.Struct";
constexpr absl::string_view kEntry = "google.protobuf.Struct.FieldsEntry";
constexpr absl::string_view kListValue = "google.protobuf.ListValue";
constexpr absl::string_view kValue = "google.protobuf.Value";

// Field numbers of struct.proto.
constexpr std::uint32_t kFields = 1;
constexpr std::uint32_t kKey = 1;
constexpr std::uint32_t kEntryValue = 2;
constexpr std::uint32_t kValues = 1;
constexpr std::uint32_t kNullKind = 1;
constexpr std::uint32_t kNumberKind = 2;
constexpr std::uint32_t kStringKind = 3;
constexpr std::uint32_t kBoolKind = 4;
constexpr std::uint32_t kStructKind = 5;
constexpr std::uint32_t kListKind = 6;

bool IsKind(const WireField& field) {
  switch (field.number) {
    case kNullKind:
    case kBoolKind:
      return field.type == WireType::kVarint;
    case kNumberKind:
      return field.type == WireType::kFixed64;
    case kStringKind:
    case kStructKind:
    case kListKind:
      return field.type == WireType::kBytes;
    default:
      return false;
  }
}

bool IsMessageKind(std::uint32_t number) { return number == kStructKind || number == kListKind; }

}  // namespace

bool StructEncoder::Struct(absl::string_view bytes, const FieldPath& path, int depth) {
  whole_ = &path;
  too_deep_ = false;
  return Object(bytes, path, {1, depth});
}

bool StructEncoder::Value(absl::string_view bytes, const FieldPath& path, int level, int depth) {
  whole_ = &path;
  too_deep_ = false;
  return Any(bytes, path, {level, depth});
}

void StructEncoder::CheckNesting(Place place) {
  if (place.level <= kMaxValueNesting || too_deep_) return;
  too_deep_ = true;
  findings_.Add(*whole_, absl::StrCat("nested deeper than ", kMaxValueNesting, " levels, at most ",
                                      kMaxValueNesting, " are allowed"));
}

bool StructEncoder::Object(absl::string_view bytes, const FieldPath& path, Place place) {
  CheckNesting(place);
  const std::size_t base = buffers_.entries.size();
  if (!Entries(bytes, path, place)) return false;
  MarkRepeated(base, &buffers_.entries);
  out_.Open('{');
  for (std::size_t i = base; i < buffers_.entries.size(); ++i) {
    const StructEntry entry = buffers_.entries[i];  // The stack may move while it grows.
    if (!Member(entry, path, place)) return false;
  }
  out_.Close('}');
  buffers_.entries.resize(base);
  return true;
}

bool StructEncoder::Entries(absl::string_view bytes, const FieldPath& path, Place place) {
  if (place.depth > WireReader::kMaxDepth) {
    return findings_.Malformed(path, WireFault::kTooDeep, kStruct);
  }
  WireReader reader(bytes, place.depth);
  WireField field;
  while (reader.Next(&field)) {
    if (field.number != kFields || field.type != WireType::kBytes) {
      findings_.AddUnknown(path, field, kStruct);
    } else if (!Entry(field.bytes, path, place)) {
      return false;
    }
  }
  return reader.fault() == WireFault::kNone || findings_.Malformed(path, reader.fault(), kStruct);
}

bool StructEncoder::Entry(absl::string_view bytes, const FieldPath& path, Place place) {
  WireReader reader(bytes, place.depth + 1);
  WireField field;
  absl::string_view name("", 0);
  MergedBytes value;
  bool has_value = false;
  while (reader.Next(&field)) {
    if (field.type != WireType::kBytes || field.number > kEntryValue) {
      findings_.AddUnknown(path, field, kEntry);
    } else if (field.number == kKey) {
      if (!IsUtf8(name)) findings_.AddNotUtf8(path, "a name that is not UTF-8");
      name = field.bytes;
    } else if (has_value) {
      const WireFault fault = buffers_.Merge(field.bytes, place.depth + 2, &value);
      if (fault != WireFault::kNone) return findings_.Malformed(path, fault, kValue);
    } else {
      value.bytes = field.bytes;
      has_value = true;
    }
  }
  buffers_.entries.push_back({name, value.bytes});
  return reader.fault() == WireFault::kNone || findings_.Malformed(path, reader.fault(), kEntry);
}

bool StructEncoder::Member(const StructEntry& entry, const FieldPath& path, Place place) {
  const std::size_t before = out_.size();
  if (!out_.Name(entry.name)) findings_.AddNotUtf8(path, "a name that is not UTF-8");
  const FieldPath member(path, entry.name);
  if (!Any(entry.value, member, {place.level + 1, place.depth + 2})) return false;
  if (entry.repeated) out_.Truncate(before);
  return true;
}

bool StructEncoder::Array(absl::string_view bytes, const FieldPath& path, Place place) {
  CheckNesting(place);
  if (place.depth > WireReader::kMaxDepth) {
    return findings_.Malformed(path, WireFault::kTooDeep, kListValue);
  }
  WireReader reader(bytes, place.depth);
  WireField field;
  out_.Open('[');
  for (int index = 0; reader.Next(&field);) {
    if (field.number != kValues || field.type != WireType::kBytes) {
      findings_.AddUnknown(path, field, kListValue);
      continue;
    }
    const FieldPath element(path, index++);
    if (!Any(field.bytes, element, {place.level + 1, place.depth + 1})) return false;
  }
  out_.Close(']');
  return reader.fault() == WireFault::kNone ||
         findings_.Malformed(path, reader.fault(), kListValue);
}

bool StructEncoder::Any(absl::string_view bytes, const FieldPath& path, Place place) {
  if (place.depth > WireReader::kMaxDepth) {
    return findings_.Malformed(path, WireFault::kTooDeep, kValue);
  }
  WireReader reader(bytes, place.depth);
  WireField field;
  Kind kind;
  while (reader.Next(&field)) {
    if (!IsKind(field)) {
      findings_.AddUnknown(path, field, kValue);
    } else if (!Take(field, path, place, &kind)) {
      return false;
    }
  }
  if (reader.fault() != WireFault::kNone) return findings_.Malformed(path, reader.fault(), kValue);
  return Write(kind, path, place);
}

bool StructEncoder::Take(const WireField& field, const FieldPath& path, Place place, Kind* kind) {
  if (field.number == kind->number && IsMessageKind(field.number)) {
    const WireFault fault = buffers_.Merge(field.bytes, place.depth + 1, &kind->merged);
    return fault == WireFault::kNone ||
           findings_.Malformed(path, fault, field.number == kStructKind ? kStruct : kListValue);
  }
  if (kind->number != 0 && !Drop(*kind, path, place)) return false;
  kind->number = field.number;
  kind->bits = field.bits;
  kind->merged = {field.bytes, nullptr};
  return true;
}

// What another kind takes the place of has been read all the same.
bool StructEncoder::Drop(const Kind& kind, const FieldPath& path, Place place) {
  const Findings::Muted muted(&findings_);
  const std::size_t before = out_.size();
  const bool too_deep = too_deep_;
  const bool good = Write(kind, path, place);
  too_deep_ = too_deep;
  out_.Truncate(before);
  return good;
}

bool StructEncoder::Write(const Kind& kind, const FieldPath& path, Place place) {
  switch (kind.number) {
    case kNullKind:
      out_.Value("null");
      return true;
    case kNumberKind:
      Number(kind.bits, path);
      return true;
    case kStringKind:
      if (!out_.String(kind.merged.bytes)) findings_.AddNotUtf8(path);
      return true;
    case kBoolKind:
      out_.Value(kind.bits != 0 ? "true" : "false");
      return true;
    case kStructKind:
      return Object(kind.merged.bytes, path, {place.level, place.depth + 1});
    case kListKind:
      return Array(kind.merged.bytes, path, {place.level, place.depth + 1});
    default:
      findings_.Add(path,
                    "no kind is set, one of null, number, string, bool, struct, list is required");
      return true;
  }
}

void StructEncoder::Number(std::uint64_t bits, const FieldPath& path) {
  const auto value = std::bit_cast<double>(bits);
  if (std::isfinite(value)) {
    out_.Double(value);
  } else {
    findings_.Add(path, NotFinite(value));
  }
}

}  // namespace eventbus::wire
