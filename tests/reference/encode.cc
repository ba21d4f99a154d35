#include "tests/reference/encode.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/reference/decimal.h"
#include "tests/reference/fields.h"
#include "tests/reference/json.h"
#include "tests/reference/timestamp.h"

namespace eventbus::reference {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;

const Field* Named(const pb::Message& message, const char* name) {
  return message.GetDescriptor()->FindFieldByName(name);
}

bool IsSet(const pb::Message& message, const Field& field) {
  const pb::Reflection* reflection = message.GetReflection();
  if (field.is_repeated()) return reflection->FieldSize(message, &field) > 0;
  return reflection->HasField(message, &field);
}

bool HasUuidForm(absl::string_view text) {
  std::string form(text);
  for (char& c : form) {
    if (absl::ascii_isxdigit(static_cast<unsigned char>(c))) c = '0';
  }
  return form == "00000000-0000-0000-0000-000000000000";
}

// The JSON of a google.protobuf.Value, and of the two that go with it. Nothing where JSON has no
// such value.
std::optional<std::string> WriteValue(const pb::Message& value);

std::optional<std::string> WriteStruct(const pb::Message& message) {
  // A map field in reflection may hold a key twice; as in a map, the last counts.
  std::map<std::string, std::string> members;
  const pb::Reflection* reflection = message.GetReflection();
  const Field* fields = Named(message, "fields");
  for (int i = 0; i < reflection->FieldSize(message, fields); ++i) {
    const pb::Message& entry = reflection->GetRepeatedMessage(message, fields, i);
    const pb::Reflection* of_entry = entry.GetReflection();
    const auto value = WriteValue(of_entry->GetMessage(entry, Named(entry, "value")));
    if (!value.has_value()) return std::nullopt;
    const std::string name = Quote(of_entry->GetString(entry, Named(entry, "key")));
    members[name] = absl::StrCat(name, ":", *value);
  }
  return absl::StrCat("{",
                      absl::StrJoin(members, ",",
                                    [](std::string* out, const auto& member) {
                                      absl::StrAppend(out, member.second);
                                    }),
                      "}");
}

std::optional<std::string> WriteList(const pb::Message& list) {
  std::vector<std::string> items;
  const Field* values = Named(list, "values");
  for (int i = 0; i < list.GetReflection()->FieldSize(list, values); ++i) {
    const auto item = WriteValue(list.GetReflection()->GetRepeatedMessage(list, values, i));
    if (!item.has_value()) return std::nullopt;
    items.push_back(*item);
  }
  return absl::StrCat("[", absl::StrJoin(items, ","), "]");
}

std::optional<std::string> WriteValue(const pb::Message& value) {
  const pb::Reflection* reflection = value.GetReflection();
  const Field* kind =
      reflection->GetOneofFieldDescriptor(value, value.GetDescriptor()->FindOneofByName("kind"));
  if (kind == nullptr) return std::nullopt;
  if (kind->name() == "null_value") return "null";
  if (kind->name() == "bool_value") return reflection->GetBool(value, kind) ? "true" : "false";
  if (kind->name() == "string_value") return Quote(reflection->GetString(value, kind));
  if (kind->name() == "struct_value") return WriteStruct(reflection->GetMessage(value, kind));
  if (kind->name() == "list_value") return WriteList(reflection->GetMessage(value, kind));
  const double number = reflection->GetDouble(value, kind);
  if (!std::isfinite(number)) return std::nullopt;
  return WriteDouble(number);
}

// Writes one message and what is in it.
class Writer {
 public:
  Writer(const EncodeOptions& options, EncodeResult& result)
      : options_(&options), result_(&result) {}

  // The family's message, at the top of the value.
  std::string WriteFamily(const pb::Message& message, const std::string& path,
                          const Field& key_field) {
    top_ = &message;
    std::string json = WriteObject(message, path, 1);
    result_->key = message.GetReflection()->GetString(message, &key_field);
    return json;
  }

 private:
  bool publishing() const { return options_->rules == Rules::kPublish; }

  void Violation(const std::string& path) {
    auto& all = result_->violations;
    if (std::find(all.begin(), all.end(), path) == all.end()) all.push_back(path);
  }

  bool IsTop(const pb::Message& message, const Field& field, const char* name) const {
    return &message == top_ && field.name() == name;
  }

  // Unset also where it is an empty event_id, or an enum's `..._UNSPECIFIED`.
  bool IsGiven(const pb::Message& message, const Field& field) const {
    if (!IsSet(message, field)) return false;
    if (KindOf(field) == Kind::kEnum && !field.is_repeated()) {
      return message.GetReflection()->GetEnumValue(message, &field) != 0;
    }
    return !(publishing() && IsTop(message, field, "event_id") &&
             message.GetReflection()->GetString(message, &field).empty());
  }

  // Members as `"name":value`, the names unescaped as the map's keys.
  struct Extra {
    std::vector<std::string> order;
    std::map<std::string, std::string> members;
  };

  Extra ReadExtra(const pb::Message& message, const std::string& path, int level) {
    Extra extra;
    const std::string text = GetExtraJson(message);
    if (text.empty()) return extra;
    const std::string extra_path = absl::StrCat(path, ".", kExtraJson);
    const absl::StatusOr<Json> json = ParseJson(text);
    if (!json.ok() || json->kind != Json::Kind::kObject || json->depth + level - 1 > kMostLevels) {
      Violation(extra_path);
      return extra;
    }
    const std::vector<std::size_t> last = json->LastOfEachName();
    if (publishing() && last.size() != json->names.size()) Violation(extra_path);
    for (const std::size_t i : last) {
      const Json& name = json->names[i];
      if (publishing() && !MayStand(message, name, json->items[i])) Violation(extra_path);
      if (IsUnset(message, name)) continue;
      extra.order.push_back(name.string);
      extra.members[name.string] = absl::StrCat(name.text, ":", json->items[i].text);
    }
    return extra;
  }

  const Field* Documented(const pb::Message& message, const Json& name) const {
    return name.lone_surrogate ? nullptr : FindField(*message.GetDescriptor(), name.string);
  }

  // A null for event_id and timestamp says that they are unset.
  bool IsUnset(const pb::Message& message, const Json& name) const {
    const Field* field = Documented(message, name);
    return publishing() && field != nullptr &&
           (IsTop(message, *field, "event_id") || IsTop(message, *field, "timestamp"));
  }

  bool MayStand(const pb::Message& message, const Json& name, const Json& value) const {
    const Field* field = Documented(message, name);
    return field == nullptr ||
           (value.kind == Json::Kind::kNull && !IsRequired(*field) && !IsGiven(message, *field));
  }

  std::string WriteObject(const pb::Message& message, const std::string& path, int level) {
    Extra extra = ReadExtra(message, path, level);
    std::vector<std::string> members;
    for (const Field* field : FieldsOf(*message.GetDescriptor())) {
      const std::string field_path = absl::StrCat(path, ".", field->name());
      if (publishing()) Check(message, *field, field_path);
      const std::string json = WriteField(message, *field, field_path, level);
      const auto instead = extra.members.find(field->name());
      if (instead != extra.members.end()) {
        members.push_back(instead->second);
        extra.members.erase(instead);
      } else if (!json.empty()) {
        members.push_back(absl::StrCat(Quote(field->name()), ":", json));
      }
    }
    for (const std::string& name : extra.order) {
      const auto member = extra.members.find(name);
      if (member != extra.members.end()) members.push_back(member->second);
    }
    return absl::StrCat("{", absl::StrJoin(members, ","), "}");
  }

  void Check(const pb::Message& message, const Field& field, const std::string& path) {
    const bool given = IsGiven(message, field);
    const bool text = KindOf(field) == Kind::kString && !field.is_repeated();
    const std::string value = text ? message.GetReflection()->GetString(message, &field) : "";
    if (IsRequired(field) && (!given || (text && value.empty()))) return Violation(path);
    if (IsUuidField(field) && given && !HasUuidForm(value)) Violation(path);
  }

  // Empty: the member is left out.
  std::string WriteField(const pb::Message& message, const Field& field, const std::string& path,
                         int level) {
    const pb::Reflection* reflection = message.GetReflection();
    if (field.is_repeated()) return WriteItems(message, field, path, level);
    if (!IsGiven(message, field)) return Absent(message, field);
    switch (KindOf(field)) {
      case Kind::kString: {
        const std::string text = reflection->GetString(message, &field);
        if (IsTop(message, field, "event_id")) result_->event_id = text;
        return Quote(text);
      }
      case Kind::kBool:
        return reflection->GetBool(message, &field) ? "true" : "false";
      case Kind::kInt64:
        return absl::StrCat(reflection->GetInt64(message, &field));
      case Kind::kDouble:
        return OfDouble(reflection->GetDouble(message, &field), path);
      case Kind::kEnum:
        return OfEnum(field, reflection->GetEnumValue(message, &field), path);
      default:
        return OfMessage(field, reflection->GetMessage(message, &field), path, level);
    }
  }

  std::string WriteItems(const pb::Message& message, const Field& field, const std::string& path,
                         int level) {
    const pb::Reflection* reflection = message.GetReflection();
    std::vector<std::string> items;
    for (int i = 0; i < reflection->FieldSize(message, &field); ++i) {
      const std::string item_path = absl::StrCat(path, "[", i, "]");
      switch (KindOf(field)) {
        case Kind::kString:
          items.push_back(Quote(reflection->GetRepeatedString(message, &field, i)));
          break;
        case Kind::kBool:
          items.push_back(reflection->GetRepeatedBool(message, &field, i) ? "true" : "false");
          break;
        case Kind::kInt64:
          items.push_back(absl::StrCat(reflection->GetRepeatedInt64(message, &field, i)));
          break;
        case Kind::kDouble:
          items.push_back(OfDouble(reflection->GetRepeatedDouble(message, &field, i), item_path));
          break;
        case Kind::kEnum:
          items.push_back(
              OfEnum(field, reflection->GetRepeatedEnumValue(message, &field, i), item_path));
          break;
        default:
          items.push_back(OfMessage(field, reflection->GetRepeatedMessage(message, &field, i),
                                    item_path, level + 1));
      }
    }
    return absl::StrCat("[", absl::StrJoin(items, ","), "]");
  }

  std::string Absent(const pb::Message& message, const Field& field) {
    if (publishing() && IsTop(message, field, "event_id")) {
      result_->event_id = options_->new_event_id;
      return Quote(options_->new_event_id);
    }
    if (publishing() && IsTop(message, field, "timestamp")) return Quote(options_->now);
    if (KindOf(field) == Kind::kStruct) return "{}";
    if (KindOf(field) != Kind::kMessage || &message != top_) return "";
    // An empty payload still has its violations and its metadata.
    return WriteObject(message.GetReflection()->GetMessage(message, &field), field.name(), 2);
  }

  std::string OfDouble(double value, const std::string& path) {
    if (std::isfinite(value)) return WriteDouble(value);
    Violation(path);
    return "null";
  }

  std::string OfEnum(const Field& field, int number, const std::string& path) {
    const std::string text = WireName(*field.enum_type(), number);
    if (text.empty()) Violation(path);
    return Quote(text);
  }

  std::string OfMessage(const Field& field, const pb::Message& message, const std::string& path,
                        int level) {
    switch (KindOf(field)) {
      case Kind::kTimestamp:
        return OfTimestamp(message, path);
      case Kind::kMessage:
        return WriteObject(message, path, level + 1);
      default: {
        const bool is_struct = KindOf(field) == Kind::kStruct;
        const auto json = is_struct ? WriteStruct(message) : WriteValue(message);
        const int around = field.is_repeated() ? 1 : 0;
        if (json.has_value() && ParseJson(*json)->depth + around <= kMostValueLevels) return *json;
        Violation(path);
        return "null";
      }
    }
  }

  std::string OfTimestamp(const pb::Message& message, const std::string& path) {
    const pb::Reflection* reflection = message.GetReflection();
    const Timestamp time = {reflection->GetInt64(message, Named(message, "seconds")),
                            reflection->GetInt32(message, Named(message, "nanos"))};
    if (IsValid(time)) return Quote(WriteTimestamp(time));
    Violation(path);
    return "null";
  }

  const EncodeOptions* options_;
  EncodeResult* result_;
  const pb::Message* top_ = nullptr;
};

}  // namespace

EncodeResult ReferenceEncode(const Schema& schema, const pb::Message& event,
                             const EncodeOptions& options) {
  EncodeResult result;
  result.unknown_field = HasUnknownField(event);
  const event::Topic* topic = schema.TopicOf(event);
  if (topic == nullptr) {
    result.violations.push_back(options.path);
    return result;
  }
  const Field* family = Named(event, topic->family.c_str());
  result.json = Writer(options, result)
                    .WriteFamily(event.GetReflection()->GetMessage(event, family),
                                 absl::StrCat(options.path, ".", topic->family), *topic->key_field);
  return result;
}

bool HasUnknownField(const pb::Message& message) {
  const pb::Reflection* reflection = message.GetReflection();
  if (!reflection->GetUnknownFields(message).empty()) return true;
  std::vector<const Field*> set;
  reflection->ListFields(message, &set);
  for (const Field* field : set) {
    if (field->cpp_type() != Field::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (HasUnknownField(reflection->GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      if (HasUnknownField(reflection->GetRepeatedMessage(message, field, i))) return true;
    }
  }
  return false;
}

}  // namespace eventbus::reference
