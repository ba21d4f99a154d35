#include "server/rpc/unknown_fields.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/unknown_field_set.h"
#include "server/base/error.h"

namespace eventbus::rpc {
namespace {

namespace pb = google::protobuf;

void Search(const pb::Message& message, const std::string& path,
            std::vector<FieldViolation>& violations) {
  const pb::Reflection& reflection = *message.GetReflection();
  const pb::UnknownFieldSet& unknown = reflection.GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    violations.push_back(
        {path.empty() ? "request" : path,
         absl::StrCat("field ", unknown.field(i).number(), " is not known to this server")});
  }
  std::vector<const pb::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const pb::FieldDescriptor* field : fields) {
    if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const std::string at = path.empty() ? field->name() : absl::StrCat(path, ".", field->name());
    if (!field->is_repeated()) {
      Search(reflection.GetMessage(message, field), at, violations);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      Search(reflection.GetRepeatedMessage(message, field, i), absl::StrCat(at, "[", i, "]"),
             violations);
    }
  }
}

}  // namespace

absl::Status RefuseUnknownFields(const pb::Message& message) {
  std::vector<FieldViolation> violations;
  Search(message, "", violations);
  if (violations.empty()) return absl::OkStatus();
  return MakeInvalid(v1::ERROR_REASON_UNKNOWN_FIELD, std::move(violations));
}

}  // namespace eventbus::rpc
