#include "tests/reference/encode_json.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/reference/decode.h"
#include "tests/reference/fields.h"
#include "tests/reference/json.h"

namespace eventbus::reference {
namespace {

namespace pb = google::protobuf;

EncodeResult Refused(std::string path) {
  EncodeResult result;
  result.violations.push_back(std::move(path));
  return result;
}

// Takes what did not fit out of extra_json, and says which fields it was meant for.
void TakeMisfits(pb::Message& message, const std::string& path, std::vector<std::string>& misfits) {
  const std::string text = GetExtraJson(message);
  if (!text.empty()) {
    const Json extra = *ParseJson(text);
    std::vector<std::string> kept;
    for (std::size_t i = 0; i < extra.names.size(); ++i) {
      const Json& name = extra.names[i];
      const auto* field =
          name.lone_surrogate ? nullptr : FindField(*message.GetDescriptor(), name.string);
      if (field == nullptr || (extra.items[i].kind == Json::Kind::kNull && !IsRequired(*field))) {
        kept.push_back(absl::StrCat(name.text, ":", extra.items[i].text));
      } else {
        misfits.push_back(absl::StrCat(path, ".", field->name()));
      }
    }
    SetExtraJson(message, absl::StrCat("{", absl::StrJoin(kept, ","), "}"));
  }
  const pb::Reflection* reflection = message.GetReflection();
  for (const pb::FieldDescriptor* field : FieldsOf(*message.GetDescriptor())) {
    if (KindOf(*field) != Kind::kMessage || !reflection->HasField(message, field)) continue;
    TakeMisfits(*reflection->MutableMessage(&message, field),
                absl::StrCat(path, ".", field->name()), misfits);
  }
}

}  // namespace

EncodeResult ReferenceEncodeJson(const Schema& schema, absl::string_view json,
                                 const EncodeOptions& options) {
  // Any topic will do to see the type.
  const DecodeResult first = ReferenceDecode(schema, schema.catalog().topics()[0], json);
  if (first.event == nullptr) return Refused(options.path);
  const event::Topic* topic = schema.catalog().FindTopicOfType(first.event_type);
  if (topic == nullptr) return Refused(absl::StrCat(options.path, ".event_type"));
  const DecodeResult decoded = ReferenceDecode(schema, *topic, json);
  if (decoded.event == nullptr) return Refused(options.path);
  pb::Message& event = *decoded.event;
  std::vector<std::string> misfits;
  TakeMisfits(*event.GetReflection()->MutableMessage(
                  &event, event.GetDescriptor()->FindFieldByNumber(topic->family_number)),
              options.path, misfits);
  EncodeResult result = ReferenceEncode(schema, event, options);
  // A path in JSON does not name the family.
  const std::string family = absl::StrCat(options.path, ".", topic->family);
  for (std::string& path : result.violations) {
    path = absl::StrCat(options.path, path.substr(family.size()));
  }
  for (const std::string& path : misfits) {
    auto& all = result.violations;
    if (std::find(all.begin(), all.end(), path) == all.end()) all.push_back(path);
  }
  return result;
}

}  // namespace eventbus::reference
