#include "tests/reference/equal.h"

#include <map>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/text_format.h"
#include "tests/reference/decimal.h"
#include "tests/reference/fields.h"
#include "tests/reference/json.h"
#include "tests/reference/timestamp.h"

namespace eventbus::reference {
namespace {

namespace pb = google::protobuf;

std::string JoinMembers(const std::map<std::string, std::string>& members) {
  return absl::StrCat("{", absl::StrJoin(members, ",", absl::PairFormatter(":")), "}");
}

// A value that the schema does not know.
std::string NormalValue(const Json& value) {
  switch (value.kind) {
    case Json::Kind::kNumber:
      return ToString(*ParseDecimal(value.text));
    case Json::Kind::kString:
      return Quote(value.string);
    case Json::Kind::kArray: {
      std::vector<std::string> items;
      for (const Json& item : value.items) items.push_back(NormalValue(item));
      return absl::StrCat("[", absl::StrJoin(items, ","), "]");
    }
    case Json::Kind::kObject: {
      std::map<std::string, std::string> members;
      for (const std::size_t i : value.LastOfEachName()) {
        members[Quote(value.names[i].string)] = NormalValue(value.items[i]);
      }
      return JoinMembers(members);
    }
    default:
      return std::string(value.text);
  }
}

// `family`: the message at the top of an event, whose absent payload is as good as an empty one.
std::string NormalObject(const pb::Descriptor& message, const Json& object, bool family = false);

// A value of a documented field, or an item of one.
std::string NormalField(const pb::FieldDescriptor& field, const Json& value) {
  switch (KindOf(field)) {
    case Kind::kInt64:
      if (!FitsInt64(NumberText(value)).has_value()) break;
      return ToString(*ParseDecimal(NumberText(value)));
    case Kind::kDouble:
      if (!FitsDouble(NumberText(value)).has_value()) break;
      return ToString(*ParseDecimal(NumberText(value)));
    case Kind::kTimestamp:
      if (value.kind != Json::Kind::kString) break;
      if (const auto time = ParseTimestamp(value.string)) return WriteTimestamp(*time);
      break;
    case Kind::kMessage:
      if (value.kind != Json::Kind::kObject) break;
      return NormalObject(*field.message_type(), value);
    default:
      break;
  }
  return NormalValue(value);
}

std::string NormalItems(const pb::FieldDescriptor& field, const Json& array) {
  std::vector<std::string> items;
  for (const Json& item : array.items) items.push_back(NormalField(field, item));
  return absl::StrCat("[", absl::StrJoin(items, ","), "]");
}

std::string NormalObject(const pb::Descriptor& message, const Json& object, bool family) {
  std::map<std::string, std::string> members;
  for (const std::size_t i : object.LastOfEachName()) {
    const Json& value = object.items[i];
    const std::string& name = object.names[i].string;
    const pb::FieldDescriptor* field = FindField(message, name);
    if (field == nullptr) {
      members[Quote(name)] = NormalValue(value);
      continue;
    }
    const bool items = field->is_repeated() && value.kind == Json::Kind::kArray;
    const std::string normal = items                  ? NormalItems(*field, value)
                               : field->is_repeated() ? NormalValue(value)
                                                      : NormalField(*field, value);
    // As good as absent.
    if (normal == "[]" && field->is_repeated()) continue;
    if (normal == "{}" && !field->is_repeated() &&
        (KindOf(*field) == Kind::kStruct || (family && KindOf(*field) == Kind::kMessage))) {
      continue;
    }
    members[Quote(name)] = normal;
  }
  return JoinMembers(members);
}

// Puts extra_json of `message` and of all in it into one order and spacing.
void TidyExtraJson(pb::Message& message) {
  const pb::Reflection* reflection = message.GetReflection();
  std::vector<const pb::FieldDescriptor*> set;
  reflection->ListFields(message, &set);
  for (const pb::FieldDescriptor* field : set) {
    if (field->name() == kExtraJson) {
      const std::string text = GetExtraJson(message);
      const absl::StatusOr<Json> json = ParseJson(text);
      if (!json.ok() || json->kind != Json::Kind::kObject) continue;
      std::map<std::string, std::string> members;
      for (const std::size_t i : json->LastOfEachName()) {
        members[std::string(json->names[i].text)] = std::string(json->items[i].text);
      }
      SetExtraJson(message, JoinMembers(members));
    } else if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE &&
               KindOf(*field) == Kind::kMessage) {
      for (int i = 0; field->is_repeated() && i < reflection->FieldSize(message, field); ++i) {
        TidyExtraJson(*reflection->MutableRepeatedMessage(&message, field, i));
      }
      if (!field->is_repeated()) TidyExtraJson(*reflection->MutableMessage(&message, field));
    }
  }
}

}  // namespace

std::string NormalForm(const pb::Descriptor& message, absl::string_view json) {
  const absl::StatusOr<Json> value = ParseJson(json);
  if (!value.ok()) return std::string(json);
  return value->kind == Json::Kind::kObject ? NormalObject(message, *value, true)
                                            : NormalValue(*value);
}

bool ReferenceEqualsAsJson(const event::Topic& topic, absl::string_view a, absl::string_view b) {
  return NormalForm(*topic.message, a) == NormalForm(*topic.message, b);
}

bool SameJson(absl::string_view a, absl::string_view b) {
  const absl::StatusOr<Json> left = ParseJson(a);
  const absl::StatusOr<Json> right = ParseJson(b);
  return left.ok() && right.ok() && NormalValue(*left) == NormalValue(*right);
}

std::string Describe(const pb::Message& event) {
  const std::unique_ptr<pb::Message> tidy(event.New());
  tidy->CopyFrom(event);
  TidyExtraJson(*tidy);
  std::string text;
  pb::TextFormat::Printer printer;
  printer.PrintToString(*tidy, &text);
  return text;
}

}  // namespace eventbus::reference
