#include "tests/reference/fields.h"

#include <algorithm>
#include <cstdlib>

#include "eventbus/schema/v1/annotations.pb.h"
#include "tests/reference/decimal.h"

namespace eventbus::reference {

namespace pb = google::protobuf;

Kind KindOf(const pb::FieldDescriptor& field) {
  switch (field.type()) {
    case pb::FieldDescriptor::TYPE_STRING:
      return Kind::kString;
    case pb::FieldDescriptor::TYPE_BOOL:
      return Kind::kBool;
    case pb::FieldDescriptor::TYPE_INT64:
      return Kind::kInt64;
    case pb::FieldDescriptor::TYPE_DOUBLE:
      return Kind::kDouble;
    case pb::FieldDescriptor::TYPE_ENUM:
      return Kind::kEnum;
    case pb::FieldDescriptor::TYPE_MESSAGE:
      break;
    default:
      std::abort();  // The wire format has no such field.
  }
  const std::string& name = field.message_type()->full_name();
  if (name == "google.protobuf.Timestamp") return Kind::kTimestamp;
  if (name == "google.protobuf.Struct") return Kind::kStruct;
  if (name == "google.protobuf.Value") return Kind::kValue;
  return Kind::kMessage;
}

bool IsRequired(const pb::FieldDescriptor& field) {
  return field.options().GetExtension(schema::v1::rules).required();
}

bool IsUuidField(const pb::FieldDescriptor& field) {
  return field.options().GetExtension(schema::v1::rules).uuid();
}

const pb::FieldDescriptor* FindField(const pb::Descriptor& message, absl::string_view name) {
  return name == kExtraJson ? nullptr : message.FindFieldByName(std::string(name));
}

std::vector<const pb::FieldDescriptor*> FieldsOf(const pb::Descriptor& message) {
  std::vector<const pb::FieldDescriptor*> fields;
  for (int i = 0; i < message.field_count(); ++i) {
    if (message.field(i)->name() != kExtraJson) fields.push_back(message.field(i));
  }
  return fields;
}

std::string WireName(const pb::EnumDescriptor& type, int number) {
  const pb::EnumValueDescriptor* value = type.FindValueByNumber(number);
  if (value == nullptr) return "";
  return value->options().GetExtension(schema::v1::event_type).wire_name();
}

const pb::EnumValueDescriptor* FindWireName(const pb::EnumDescriptor& type,
                                            absl::string_view text) {
  if (text.empty()) return nullptr;
  for (int i = 0; i < type.value_count(); ++i) {
    if (WireName(type, type.value(i)->number()) == text) return type.value(i);
  }
  return nullptr;
}

std::string GetExtraJson(const pb::Message& message) {
  const pb::FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(kExtraJson);
  return message.GetReflection()->GetString(message, field);
}

void SetExtraJson(pb::Message& message, const std::string& text) {
  const pb::FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(kExtraJson);
  message.GetReflection()->SetString(&message, field, text);
}

bool FitsValue(const Json& value) {
  if (value.kind == Json::Kind::kNumber) return FitsDouble(value.text).has_value();
  const auto lone = [](const Json& name) { return name.lone_surrogate; };
  return !value.lone_surrogate && std::none_of(value.names.begin(), value.names.end(), lone) &&
         std::all_of(value.items.begin(), value.items.end(), FitsValue);
}

std::string NumberText(const Json& value) {
  if (value.kind == Json::Kind::kNumber) return std::string(value.text);
  return value.kind == Json::Kind::kString ? value.string : "";
}

}  // namespace eventbus::reference
