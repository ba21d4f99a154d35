#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/wire/decode.h"
#include "server/wire/encode.h"
#include "server/wire/event_encode.h"
#include "server/wire/extra_json.h"
#include "server/wire/field_path.h"

namespace eventbus::wire {
namespace {

constexpr absl::string_view kEventType = "event_type";

// The family of the first thing in `json` that looks like an event_type; may be wrong, never null.
const FamilyPlan* GuessFamily(const Plan& plan, absl::string_view json) {
  const FamilyPlan* const any = &plan.families().front();
  const std::size_t name = json.find("\"event_type\"");
  if (name == absl::string_view::npos) return any;
  const std::size_t begin = json.find('"', name + kEventType.size() + 2);
  if (begin == absl::string_view::npos) return any;
  const std::size_t end = json.find('"', begin + 1);
  if (end == absl::string_view::npos) return any;
  const FamilyPlan* found = plan.FindByType(json.substr(begin + 1, end - begin - 1));
  return found != nullptr ? found : any;
}

absl::Status Invalid(ErrorReason reason, std::string field, std::string description) {
  return MakeInvalid(reason, {{std::move(field), std::move(description)}});
}

absl::Status Refuse(const Undecodable& undecodable, absl::string_view path) {
  if (undecodable.reason == Reason::kTooLarge) {
    return Invalid(v1::ERROR_REASON_EVENT_TOO_LARGE, std::string(path),
                   absl::StrCat(undecodable.detail, " are allowed"));
  }
  return Invalid(v1::ERROR_REASON_EVENT_INVALID, std::string(path),
                 absl::StrCat(undecodable.detail, ", a JSON object is required"));
}

// The value of the member event_type as it stands; `json` has been decoded.
std::string TypeText(absl::string_view json) {
  ExtraJson members;
  std::string problem;
  ReadExtraJson(json, 1, &members, &problem);
  for (const ExtraMember& member : members.members) {
    if (member.name == kEventType && !member.repeated) return Shortened(member.value);
  }
  return "unset";
}

absl::Status NoSuchType(const Plan& plan, absl::string_view json, absl::string_view path) {
  std::vector<std::string> types;
  for (const FamilyPlan& family : plan.families()) {
    for (const event::EventType& type : family.topic->types) types.push_back(type.wire_name);
  }
  return Invalid(
      v1::ERROR_REASON_EVENT_INVALID, absl::StrCat(path, ".", kEventType),
      absl::StrCat(TypeText(json), ", one of ", absl::StrJoin(types, ", "), " is required"));
}

}  // namespace

absl::StatusOr<Encoded> EncodeJson(const Plan& plan, absl::string_view json,
                                   const EncodeOptions& options) {
  const FamilyPlan* const guess = GuessFamily(plan, json);
  auto read = Decode(plan, *guess, json);
  if (const auto* undecodable = std::get_if<Undecodable>(&read)) {
    return Refuse(*undecodable, options.path);
  }
  const FamilyPlan* const family = plan.FindByType(std::get<Decoded>(read).event_type);
  if (family == nullptr) return NoSuchType(plan, json, options.path);
  if (family != guess) {
    read = Decode(plan, *family, json);
    if (const auto* undecodable = std::get_if<Undecodable>(&read)) {
      return Refuse(*undecodable, options.path);
    }
  }
  return EncodeFrom(Source::kJson, plan, std::get<Decoded>(read).event, options);
}

}  // namespace eventbus::wire
