#include "tests/reference/decode.h"

#include <vector>

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

void ReadObject(const Json& object, pb::Message& out);

const Field* Named(const pb::Message& message, const char* name) {
  return message.GetDescriptor()->FindFieldByName(name);
}

void FillValue(const Json& json, pb::Message& value);

void FillStruct(const Json& object, pb::Message& out) {
  const Field* fields = Named(out, "fields");
  for (const std::size_t i : object.LastOfEachName()) {
    pb::Message* entry = out.GetReflection()->AddMessage(&out, fields);
    const pb::Reflection* reflection = entry->GetReflection();
    reflection->SetString(entry, Named(*entry, "key"), object.names[i].string);
    FillValue(object.items[i], *reflection->MutableMessage(entry, Named(*entry, "value")));
  }
}

void FillList(const Json& array, pb::Message& out) {
  for (const Json& item : array.items) {
    FillValue(item, *out.GetReflection()->AddMessage(&out, Named(out, "values")));
  }
}

void FillValue(const Json& json, pb::Message& value) {
  const pb::Reflection* reflection = value.GetReflection();
  switch (json.kind) {
    case Json::Kind::kNull:
      return reflection->SetEnumValue(&value, Named(value, "null_value"), 0);
    case Json::Kind::kBool:
      return reflection->SetBool(&value, Named(value, "bool_value"), json.boolean);
    case Json::Kind::kNumber:
      return reflection->SetDouble(&value, Named(value, "number_value"), *FitsDouble(json.text));
    case Json::Kind::kString:
      return reflection->SetString(&value, Named(value, "string_value"), json.string);
    case Json::Kind::kArray:
      return FillList(json, *reflection->MutableMessage(&value, Named(value, "list_value")));
    case Json::Kind::kObject:
      return FillStruct(json, *reflection->MutableMessage(&value, Named(value, "struct_value")));
  }
}

// Puts values into a field, or adds them to it where it is repeated.
class FieldWriter {
 public:
  FieldWriter(pb::Message& message, const Field& field)
      : message_(&message), field_(&field), reflection_(message.GetReflection()) {}

  // False, and nothing done, where `value` does not fit.
  bool Put(const Json& value) {
    switch (KindOf(*field_)) {
      case Kind::kString:
        return value.kind == Json::Kind::kString && !value.lone_surrogate &&
               Store(&pb::Reflection::SetString, &pb::Reflection::AddString, value.string);
      case Kind::kBool:
        return value.kind == Json::Kind::kBool &&
               Store(&pb::Reflection::SetBool, &pb::Reflection::AddBool, value.boolean);
      case Kind::kInt64: {
        const auto number = FitsInt64(NumberText(value));
        return number.has_value() &&
               Store(&pb::Reflection::SetInt64, &pb::Reflection::AddInt64, *number);
      }
      case Kind::kDouble: {
        const auto number = FitsDouble(NumberText(value));
        return number.has_value() &&
               Store(&pb::Reflection::SetDouble, &pb::Reflection::AddDouble, *number);
      }
      case Kind::kEnum: {
        const auto* type = value.lone_surrogate || value.kind != Json::Kind::kString
                               ? nullptr
                               : FindWireName(*field_->enum_type(), value.string);
        return type != nullptr && Store(&pb::Reflection::SetEnum, &pb::Reflection::AddEnum, type);
      }
      default:
        return PutMessage(value);
    }
  }

 private:
  template <typename T, typename Argument>
  bool Store(void (pb::Reflection::*set)(pb::Message*, const Field*, T) const,
             void (pb::Reflection::*add)(pb::Message*, const Field*, T) const,
             const Argument& value) {
    (reflection_->*(field_->is_repeated() ? add : set))(message_, field_, value);
    return true;
  }

  pb::Message& Sub() {
    return field_->is_repeated() ? *reflection_->AddMessage(message_, field_)
                                 : *reflection_->MutableMessage(message_, field_);
  }

  bool PutMessage(const Json& value) {
    const bool object = value.kind == Json::Kind::kObject;
    switch (KindOf(*field_)) {
      case Kind::kTimestamp:
        return PutTimestamp(value);
      case Kind::kMessage:
        if (object) ReadObject(value, Sub());
        return object;
      case Kind::kStruct:
        if (!object || value.depth > kMostValueLevels || !FitsValue(value)) return false;
        FillStruct(value, Sub());
        return true;
      default:
        if (value.depth > kMostValueLevels || !FitsValue(value)) return false;
        FillValue(value, Sub());
        return true;
    }
  }

  bool PutTimestamp(const Json& value) {
    if (value.kind != Json::Kind::kString) return false;
    const std::optional<Timestamp> time = ParseTimestamp(value.string);
    if (!time.has_value()) return false;
    pb::Message& out = Sub();
    out.GetReflection()->SetInt64(&out, Named(out, "seconds"), time->seconds);
    out.GetReflection()->SetInt32(&out, Named(out, "nanos"), time->nanos);
    return true;
  }

  pb::Message* message_;
  const Field* field_;
  const pb::Reflection* reflection_;
};

// The bytes of the protobuf form of a Struct, or of all of a repeated Value.
std::size_t ValueBytes(const pb::Message& message, const Field& field) {
  const pb::Reflection* reflection = message.GetReflection();
  if (!field.is_repeated()) return reflection->GetMessage(message, &field).ByteSizeLong();
  std::size_t bytes = 0;
  for (int i = 0; i < reflection->FieldSize(message, &field); ++i) {
    bytes += reflection->GetRepeatedMessage(message, &field, i).ByteSizeLong();
  }
  return bytes;
}

bool PutAll(const Json& value, pb::Message& out, const Field& field) {
  FieldWriter writer(out, field);
  if (!field.is_repeated()) return writer.Put(value);
  if (value.kind != Json::Kind::kArray) return false;
  if (KindOf(field) == Kind::kValue && value.depth > kMostValueLevels) return false;
  for (const Json& item : value.items) {
    if (!writer.Put(item)) return false;
  }
  return true;
}

// Whether `value` fits `field` of `out`, which then holds it.
bool ReadField(const Json& value, pb::Message& out, const Field& field) {
  const bool free_form = KindOf(field) == Kind::kStruct || KindOf(field) == Kind::kValue;
  if (PutAll(value, out, field) && !(free_form && ValueBytes(out, field) > kMostValueBytes)) {
    return true;
  }
  out.GetReflection()->ClearField(&out, &field);
  return false;
}

void ReadObject(const Json& object, pb::Message& out) {
  std::vector<std::string> extra;
  for (const std::size_t i : object.LastOfEachName()) {
    const Json& name = object.names[i];
    const Field* field =
        name.lone_surrogate ? nullptr : FindField(*out.GetDescriptor(), name.string);
    if (field == nullptr || !ReadField(object.items[i], out, *field)) {
      extra.push_back(absl::StrCat(name.text, ":", object.items[i].text));
    }
  }
  if (!extra.empty()) SetExtraJson(out, absl::StrCat("{", absl::StrJoin(extra, ","), "}"));
}

std::string StringMember(const Json& object, absl::string_view name) {
  for (const std::size_t i : object.LastOfEachName()) {
    const Json& value = object.items[i];
    if (object.names[i].string == name && !value.lone_surrogate) return value.string;
  }
  return "";
}

DecodeResult Undecodable(std::string reason, bool too_deep = false) {
  DecodeResult result;
  result.undecodable = std::move(reason);
  result.too_deep = too_deep;
  return result;
}

}  // namespace

bool IsReasonOf(const DecodeResult& undecodable, absl::string_view reason) {
  if (undecodable.undecodable == reason) return true;
  return undecodable.too_deep &&
         (reason == "TOO_DEEP" || reason == "INVALID_JSON" || reason == "NOT_AN_OBJECT");
}

DecodeResult ReferenceDecode(const Schema& schema, const event::Topic& topic,
                             std::optional<absl::string_view> value) {
  if (!value.has_value()) return Undecodable("TOMBSTONE");
  if (value->empty()) return Undecodable("EMPTY");
  if (!IsUtf8(*value)) return Undecodable("INVALID_UTF8");
  int deepest = 0;
  const absl::StatusOr<Json> json = ParseJson(*value, &deepest);
  const bool too_deep = deepest > kMostLevels;
  if (absl::IsOutOfRange(json.status())) return Undecodable("TOO_DEEP", too_deep);
  if (!json.ok()) return Undecodable("INVALID_JSON", too_deep);
  if (json->kind != Json::Kind::kObject) return Undecodable("NOT_AN_OBJECT", too_deep);
  if (too_deep) return Undecodable("TOO_DEEP", too_deep);
  DecodeResult result;
  result.event = schema.NewEvent();
  const Field* family = Named(*result.event, topic.family.c_str());
  ReadObject(*json, *result.event->GetReflection()->MutableMessage(result.event.get(), family));
  if (result.event->ByteSizeLong() > kMostEventBytes) return Undecodable("TOO_LARGE");
  result.event_id = StringMember(*json, "event_id");
  result.event_type = StringMember(*json, "event_type");
  return result;
}

}  // namespace eventbus::reference
