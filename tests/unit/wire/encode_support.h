#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "eventbus/events/v1/event.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/error.h"
#include "server/wire/encode.h"
#include "tests/unit/wire/decode_support.h"

namespace eventbus::wire {

inline constexpr char kNewId[] = "11111111-2222-4333-8444-555555555555";
inline constexpr char kId[] = "6513270e-269e-4d37-b2a7-4de452e6b438";
inline constexpr char kDocumentId[] = "d23f0824-128b-4f33-8c5c-7fd0a6a3a450";
inline constexpr char kClassroomId[] = "9531985d-5d9d-49f8-9818-e811892f902b";
inline constexpr char kUserId[] = "36f675cc-81e7-4ef5-a8e2-5d940ed90475";

// Encodes with an id and a time that are always the same: 2024-01-01T00:00:00.001Z.
inline absl::StatusOr<Encoded> Encode(absl::string_view event, Rules rules = Rules::kPublish,
                                      std::size_t max_bytes = 1'000'000) {
  const auto new_event_id = [] { return std::string(kNewId); };
  const auto now = [] { return absl::FromUnixMicros(1704067200001999); };
  return EncodeEvent(DocumentedPlan(), event, {rules, "event", max_bytes, new_event_id, now});
}

inline absl::StatusOr<Encoded> Encode(const events::v1::Event& event,
                                      Rules rules = Rules::kPublish) {
  return Encode(absl::string_view(event.SerializeAsString()), rules);
}

inline absl::StatusOr<Encoded> EncodeText(absl::string_view json) {
  const auto new_event_id = [] { return std::string(kNewId); };
  const auto now = [] { return absl::FromUnixMicros(1704067200001999); };
  return EncodeJson(DocumentedPlan(), json,
                    {Rules::kPublish, "json", 1'000'000, new_event_id, now});
}

// The JSON, or the error in words.
inline std::string JsonOf(const absl::StatusOr<Encoded>& encoded) {
  return encoded.ok() ? encoded->json : encoded.status().ToString();
}

// `field: description` of every violation.
inline std::vector<std::string> ViolationsOf(const absl::StatusOr<Encoded>& encoded) {
  if (encoded.ok()) return {absl::StrCat("none: ", encoded->json)};
  std::vector<std::string> lines;
  for (const FieldViolation& violation : GetErrorDetails(encoded.status()).violations) {
    lines.push_back(absl::StrCat(violation.field, ": ", violation.description));
  }
  return lines;
}

inline ErrorReason ReasonOf(const absl::StatusOr<Encoded>& encoded) {
  return encoded.ok() ? v1::ERROR_REASON_UNSPECIFIED : GetErrorDetails(encoded.status()).reason;
}

// Complete; no payload.
inline events::v1::Event GoodDocument() {
  events::v1::Event event;
  auto& document = *event.mutable_document();
  document.set_event_id(kId);
  document.set_event_type(events::v1::DOCUMENT_EVENT_TYPE_UPLOADED);
  document.mutable_timestamp()->set_seconds(1704103200);
  document.set_document_id(kDocumentId);
  document.set_classroom_id(kClassroomId);
  document.set_user_id(kUserId);
  return event;
}

inline events::v1::Event GoodAnalytics() {
  events::v1::Event event;
  auto& analytics = *event.mutable_analytics();
  analytics.set_event_id(kId);
  analytics.set_event_type(events::v1::ANALYTICS_EVENT_TYPE_PAGE_VIEW);
  analytics.mutable_timestamp()->set_seconds(1704103200);
  analytics.set_user_id(kUserId);
  return event;
}

inline events::v1::Event GoodAssessment() {
  events::v1::Event event;
  auto& assessment = *event.mutable_assessment();
  assessment.set_event_id(kId);
  assessment.set_event_type(events::v1::ASSESSMENT_EVENT_TYPE_EXAM_GRADED);
  assessment.mutable_timestamp()->set_seconds(1704103200);
  assessment.set_exam_session_id(kDocumentId);
  assessment.set_user_id(kUserId);
  return event;
}

// What GoodDocument is written as, `members` in the place of its payload's.
inline std::string DocumentJson(absl::string_view members) {
  return absl::StrCat(R"({"event_id":")", kId,
                      R"(","event_type":"document.uploaded","timestamp":"2024-01-01T10:00:00Z",)",
                      R"("document_id":")", kDocumentId, R"(","classroom_id":")", kClassroomId,
                      R"(","user_id":")", kUserId, R"(","payload":{)", members, "}}");
}

inline std::string AnalyticsJson(absl::string_view members) {
  return absl::StrCat(R"({"event_id":")", kId,
                      R"(","event_type":"page.view","timestamp":"2024-01-01T10:00:00Z",)",
                      R"("user_id":")", kUserId, R"(","payload":{)", members, "}}");
}

inline std::string AssessmentJson(absl::string_view members) {
  return absl::StrCat(R"({"event_id":")", kId,
                      R"(","event_type":"exam.graded","timestamp":"2024-01-01T10:00:00Z",)",
                      R"("exam_session_id":")", kDocumentId, R"(","user_id":")", kUserId,
                      R"(","payload":{)", members, "}}");
}

}  // namespace eventbus::wire
