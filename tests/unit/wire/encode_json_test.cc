// Publishing the documented JSON itself.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/wire/encode_support.h"

namespace eventbus::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kUuidRequired[] = "a UUID (8-4-4-4-12 hexadecimal digits) is required";

void ExpectRefused(const std::string& json, const std::string& violation) {
  const auto encoded = EncodeText(json);
  EXPECT_THAT(ViolationsOf(encoded), ElementsAre(violation));
  EXPECT_EQ(ReasonOf(encoded), v1::ERROR_REASON_EVENT_INVALID);
}

// A document without `member`, and with `instead`.
std::string DocumentWith(const std::string& member, const std::string& instead) {
  std::string json = DocumentJson("");
  const std::size_t at = json.find("\"" + member + "\":");
  const std::size_t end = json.find_first_of(",}", at);
  return json.replace(at, end - at, absl::StrCat("\"", member, "\":", instead));
}

TEST(EncodeJsonTest, WritesWhatIsInOrderAsItIs) {
  const std::string json = DocumentJson(R"("filename":"f","file_size":5,"x":[1.0])");
  const auto encoded = EncodeText(json);
  EXPECT_EQ(JsonOf(encoded), json);
  EXPECT_EQ(encoded->topic->name, "document-events");
  EXPECT_EQ(encoded->key, kDocumentId);
  EXPECT_EQ(encoded->event_id, kId);
}

TEST(EncodeJsonTest, TheFamilyFollowsFromTheType) {
  EXPECT_EQ(EncodeText(AnalyticsJson(R"("metadata":{})"))->topic->name, "analytics-events");
  EXPECT_EQ(EncodeText(AssessmentJson(R"("violations":[])"))->topic->name, "assessment-events");
}

TEST(EncodeJsonTest, TheTypeMayBeEscapedRepeatedOrHidden) {
  std::string json = AnalyticsJson(R"("metadata":{})");
  json.replace(json.find("page.view"), 9, "p\\u0061ge.view");
  EXPECT_EQ(EncodeText(json)->topic->name, "analytics-events");
  json.replace(0, 1, R"({"payload":{"event_type":"exam.graded"},"event_type":"query.error",)");
  EXPECT_EQ(EncodeText(json)->topic->name, "analytics-events");
}

TEST(EncodeJsonTest, WhatIsMissingIsCompleted) {
  const std::string json = JsonOf(
      EncodeText(absl::StrCat(R"({"event_type":"page.view","user_id":")", kUserId, R"("})")));
  EXPECT_EQ(json,
            absl::StrCat(R"({"event_id":")", kNewId,
                         R"(","event_type":"page.view","timestamp":"2024-01-01T00:00:00.001Z",)",
                         R"("user_id":")", kUserId, R"(","payload":{"metadata":{}}})"));
}

TEST(EncodeJsonTest, NullStandsForWhatIsNotRequired) {
  EXPECT_EQ(JsonOf(EncodeText(DocumentJson(R"("filename":null)"))),
            DocumentJson(R"("filename":null)"));
}

TEST(EncodeJsonTest, NullIdAndTimestampAreAssigned) {
  EXPECT_THAT(JsonOf(EncodeText(DocumentWith("event_id", "null"))), HasSubstr(kNewId));
}

TEST(EncodeJsonTest, ATypeIsRequired) {
  EXPECT_THAT(ViolationsOf(EncodeText("{}")),
              ElementsAre(HasSubstr("json.event_type: unset, one of document.uploaded, ")));
  EXPECT_THAT(ViolationsOf(EncodeText(R"({"event_type":null})")),
              ElementsAre(HasSubstr("json.event_type: null, one of document.uploaded, ")));
  EXPECT_THAT(ViolationsOf(EncodeText(R"({"event_type":""})")),
              ElementsAre(HasSubstr("json.event_type: \"\", one of document.uploaded, ")));
}

TEST(EncodeJsonTest, AnUnknownTypeIsRefusedWithAllThatThereAre) {
  const auto encoded = EncodeText(R"({"event_type":"document.archived"})");
  EXPECT_EQ(ReasonOf(encoded), v1::ERROR_REASON_EVENT_INVALID);
  EXPECT_THAT(
      ViolationsOf(encoded),
      ElementsAre("json.event_type: \"document.archived\", one of document.uploaded, "
                  "document.processing, document.indexed, document.error, meeting.started, "
                  "meeting.ended, participant.joined, participant.left, recording.started, "
                  "query.submitted, query.answered, query.error, exam.started, "
                  "exam.submitted, exam.graded, proctor.violation, page.view, feature.used, "
                  "error.occurred is required"));
}

TEST(EncodeJsonTest, WhatIsNotAJsonObjectIsRefused) {
  ExpectRefused("", "json: no bytes, a JSON object is required");
  ExpectRefused("[]", "json: an array, not an object, a JSON object is required");
  ExpectRefused("{", "json: byte 1: the text ends too early, a JSON object is required");
  ExpectRefused("\xff", "json: byte 0: not UTF-8, a JSON object is required");
}

TEST(EncodeJsonTest, AMissingIdIsNamed) {
  ExpectRefused(absl::StrCat(R"({"event_type":"page.view"})"),
                absl::StrCat("json.user_id: unset, ", kUuidRequired));
}

TEST(EncodeJsonTest, AMisfitIsNamedOnceWithWhatIsAllowed) {
  ExpectRefused(DocumentWith("document_id", "5"),
                absl::StrCat("json.document_id: 5, ", kUuidRequired));
  ExpectRefused(DocumentWith("document_id", "null"),
                absl::StrCat("json.document_id: null, ", kUuidRequired));
  ExpectRefused(DocumentJson(R"("file_size":5000.7)"),
                "json.payload.file_size: 5000.7, a whole number from -9223372036854775808 to "
                "9223372036854775807 is allowed");
  ExpectRefused(DocumentJson(R"("filename":"\ud800")"),
                "json.payload.filename: \"\\ud800\", a string of Unicode text is allowed");
  ExpectRefused(
      DocumentWith("timestamp", "\"yesterday\""),
      "json.timestamp: \"yesterday\", an RFC 3339 timestamp of the years 0001-9999, to the "
      "nanosecond, is allowed");
  ExpectRefused(
      absl::StrCat(R"({"payload":5,"event_type":"page.view","user_id":")", kUserId, "\"}"),
      "json.payload: 5, an object is allowed");
}

TEST(EncodeJsonTest, AMisfitOfEveryOtherKindIsNamed) {
  ExpectRefused(AssessmentJson(R"("score":1e400,"violations":[])"),
                "json.payload.score: 1e400, a number that a 64-bit double holds without loss is "
                "allowed");
  ExpectRefused(AssessmentJson(R"("violations":"none")"),
                "json.payload.violations: \"none\", an array nested at most 24 levels, its numbers "
                "such as a 64-bit double holds without loss, of at most 1 MiB as protobuf, is "
                "allowed");
  ExpectRefused(
      AnalyticsJson(R"("metadata":{"n":12345678901234567890})"),
      "json.payload.metadata: {\"n\":12345678901234567890}, an object nested at most 24 "
      "levels, its numbers such as a 64-bit double holds without loss, of at most 1 MiB as "
      "protobuf, is allowed");
  EXPECT_THAT(ViolationsOf(EncodeText(absl::StrCat(
                  R"({"event_type":"query.error","session_id":")", kId, R"(","user_id":")", kUserId,
                  R"(","payload":{"related_to_previous":"true"}})"))),
              ElementsAre("json.payload.related_to_previous: \"true\", true or false is allowed"));
}

TEST(EncodeJsonTest, AnIdThatIsNoUuidIsNamed) {
  ExpectRefused(DocumentWith("event_id", "\"not-a-uuid\""),
                "json.event_id: \"not-a-uuid\", a UUID (8-4-4-4-12 hexadecimal digits) is allowed");
}

TEST(EncodeJsonTest, AMemberCalledExtraJsonMayBePublished) {
  const std::string json = DocumentJson(R"("extra_json":"{}")");
  EXPECT_EQ(JsonOf(EncodeText(json)), json);
}

TEST(EncodeJsonTest, OfARepeatedNameTheLastIsPublished) {
  EXPECT_EQ(JsonOf(EncodeText(DocumentJson(R"("filename":5,"filename":"f","x":1,"x":2)"))),
            DocumentJson(R"("filename":"f","x":2)"));
}

TEST(EncodeJsonTest, TooLargeIsSaidSo) {
  const auto encoded =
      EncodeText(DocumentJson(absl::StrCat("\"x\":\"", std::string(1'000'000, 'x'), "\"")));
  EXPECT_EQ(ReasonOf(encoded), v1::ERROR_REASON_EVENT_TOO_LARGE);
}

}  // namespace
}  // namespace eventbus::wire
