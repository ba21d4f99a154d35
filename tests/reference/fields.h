#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "tests/reference/json.h"

namespace eventbus::reference {

// How a field of the schema stands in JSON.
enum class Kind { kString, kBool, kInt64, kDouble, kEnum, kTimestamp, kMessage, kStruct, kValue };

inline constexpr char kExtraJson[] = "extra_json";
inline constexpr int kMostLevels = 64;       // of a whole value, its object being the first
inline constexpr int kMostValueLevels = 24;  // of metadata and violations, themselves the first
inline constexpr std::size_t kMostValueBytes = 1 << 20;
inline constexpr std::size_t kMostEventBytes = 3 << 20;

Kind KindOf(const google::protobuf::FieldDescriptor& field);
bool IsRequired(const google::protobuf::FieldDescriptor& field);
bool IsUuidField(const google::protobuf::FieldDescriptor& field);

// The documented field called `name`; null where there is none, and for extra_json.
const google::protobuf::FieldDescriptor* FindField(const google::protobuf::Descriptor& message,
                                                   absl::string_view name);
// The documented fields in their order.
std::vector<const google::protobuf::FieldDescriptor*> FieldsOf(
    const google::protobuf::Descriptor& message);

// The text of an enum's number; empty where it has none.
std::string WireName(const google::protobuf::EnumDescriptor& type, int number);
// The value that a text stands for; null where there is none.
const google::protobuf::EnumValueDescriptor* FindWireName(
    const google::protobuf::EnumDescriptor& type, absl::string_view text);

std::string GetExtraJson(const google::protobuf::Message& message);
void SetExtraJson(google::protobuf::Message& message, const std::string& text);

// Whether a google.protobuf.Value can hold `value`, and give all of it back: numbers that a double
// keeps, strings and names without lone surrogates. Members hidden by a later one of the same name
// count too: they are lost otherwise.
bool FitsValue(const Json& value);

// The number or the text in a string that a numeric field may take; empty for anything else.
std::string NumberText(const Json& value);

}  // namespace eventbus::reference
