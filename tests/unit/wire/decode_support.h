#pragma once

#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "eventbus/events/v1/event.pb.h"
#include "gtest/gtest.h"
#include "server/event/catalog.h"
#include "server/wire/decode.h"
#include "server/wire/plan.h"

namespace eventbus::wire {

// The plan of this project's own schema.
inline const Plan& DocumentedPlan() {
  static const event::Catalog catalog =
      *event::Catalog::FromPool(*events::v1::Event::descriptor()->file()->pool());
  static const std::unique_ptr<const Plan> plan = Plan::Compile(catalog).value();
  return *plan;
}

inline std::variant<Decoded, Undecodable> DecodeTopic(absl::string_view topic,
                                                      absl::optional<absl::string_view> value) {
  return Decode(DocumentedPlan(), *DocumentedPlan().FindByTopic(topic), value);
}

// `value` as an event of `topic`, which it must be.
inline Decoded DecodedOf(absl::string_view topic, absl::string_view value) {
  auto result = DecodeTopic(topic, value);
  if (const auto* failure = std::get_if<Undecodable>(&result)) {
    ADD_FAILURE() << failure->detail << ": " << value;
    return {};
  }
  return std::get<Decoded>(std::move(result));
}

inline events::v1::Event EventOf(absl::string_view topic, absl::string_view value) {
  events::v1::Event event;
  EXPECT_TRUE(event.ParseFromString(DecodedOf(topic, value).event));
  return event;
}

inline events::v1::DocumentEvent Document(absl::string_view value) {
  return EventOf("document-events", value).document();
}

inline events::v1::DocumentPayload DocumentPayload(absl::string_view members) {
  return Document(absl::StrCat("{\"payload\":{", members, "}}")).payload();
}

inline events::v1::AssessmentPayload AssessmentPayload(absl::string_view members) {
  return EventOf("assessment-events", absl::StrCat("{\"payload\":{", members, "}}"))
      .assessment()
      .payload();
}

inline events::v1::AnalyticsPayload AnalyticsPayload(absl::string_view members) {
  return EventOf("analytics-events", absl::StrCat("{\"payload\":{", members, "}}"))
      .analytics()
      .payload();
}

inline events::v1::TutorQueryPayload TutorQueryPayload(absl::string_view members) {
  return EventOf("tutor-queries", absl::StrCat("{\"payload\":{", members, "}}"))
      .tutor_query()
      .payload();
}

}  // namespace eventbus::wire
