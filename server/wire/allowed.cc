#include "server/wire/allowed.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace eventbus::wire {
namespace {

std::string TextsOf(const EnumPlan& enumeration) {
  std::vector<std::pair<int, absl::string_view>> texts(enumeration.text_of.begin(),
                                                       enumeration.text_of.end());
  std::sort(texts.begin(), texts.end());
  return absl::StrCat("one of ", absl::StrJoin(texts, ", ", [](std::string* out, const auto& text) {
                        absl::StrAppend(out, text.second);
                      }));
}

std::string Nested(absl::string_view what) {
  return absl::StrCat(what, " nested at most ", kMaxValueNesting,
                      " levels, its numbers such as a 64-bit double holds without loss, of at most "
                      "1 MiB as protobuf,");
}

std::string OfOne(const FieldPlan& field) {
  switch (field.kind) {
    case FieldKind::kString:
      return field.uuid ? "a UUID (8-4-4-4-12 hexadecimal digits)" : "a string of Unicode text";
    case FieldKind::kBool:
      return "true or false";
    case FieldKind::kInt64:
      return "a whole number from -9223372036854775808 to 9223372036854775807";
    case FieldKind::kDouble:
      return "a number that a 64-bit double holds without loss";
    case FieldKind::kEnum:
      return TextsOf(*field.enumeration);
    case FieldKind::kTimestamp:
      return "an RFC 3339 timestamp of the years 0001-9999, to the nanosecond,";
    case FieldKind::kMessage:
      return "an object";
    case FieldKind::kStruct:
      return Nested("an object");
    case FieldKind::kValue:
      return Nested("a value");
  }
  return "a value";
}

}  // namespace

std::string Allowed(const FieldPlan& field) {
  if (!field.repeated) return OfOne(field);
  if (field.kind == FieldKind::kValue) return Nested("an array");
  return absl::StrCat("an array, each element ", OfOne(field), ",");
}

std::string Instead(absl::string_view what, const FieldPlan& field) {
  return absl::StrCat(what, ", ", Allowed(field), field.required ? " is required" : " is allowed");
}

std::string NotFinite(double value) {
  const absl::string_view what = std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  return absl::StrCat(what, ", a finite number is allowed");
}

}  // namespace eventbus::wire
