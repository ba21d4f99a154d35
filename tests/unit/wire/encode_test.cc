// What is written, and by which rules a good event is completed.
#include "server/wire/encode.h"

#include <cmath>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/wire/encode_support.h"

namespace eventbus::wire {
namespace {

using events::v1::Event;
using ::testing::HasSubstr;

TEST(EncodeTest, WritesMembersInTheDocumentedOrder) {
  Event event = GoodDocument();
  auto& payload = *event.mutable_document()->mutable_payload();
  payload.set_status("uploaded");
  payload.set_file_size(1024000);
  payload.set_filename("notes.pdf");
  EXPECT_EQ(JsonOf(Encode(event)),
            DocumentJson(R"("filename":"notes.pdf","file_size":1024000,"status":"uploaded")"));
}

TEST(EncodeTest, SaysTopicIdAndKey) {
  const auto encoded = Encode(GoodDocument());
  ASSERT_TRUE(encoded.ok());
  EXPECT_EQ(encoded->topic->name, "document-events");
  EXPECT_EQ(encoded->event_id, kId);
  EXPECT_EQ(encoded->key, kDocumentId);
}

TEST(EncodeTest, ThePayloadIsAlwaysThere) {
  EXPECT_EQ(JsonOf(Encode(GoodDocument())), DocumentJson(""));
}

TEST(EncodeTest, MetadataAndViolationsAreAlwaysThere) {
  EXPECT_EQ(JsonOf(Encode(GoodAnalytics())), AnalyticsJson(R"("metadata":{})"));
  EXPECT_EQ(JsonOf(Encode(GoodAssessment())), AssessmentJson(R"("violations":[])"));
}

TEST(EncodeTest, SetButEmptyIsWritten) {
  Event event = GoodDocument();
  event.mutable_document()->mutable_payload()->set_filename("");
  event.mutable_document()->mutable_payload()->set_file_size(0);
  EXPECT_EQ(JsonOf(Encode(event)), DocumentJson(R"("filename":"","file_size":0)"));
}

TEST(EncodeTest, Int64IsANumber) {
  Event event = GoodDocument();
  event.mutable_document()->mutable_payload()->set_file_size(-9223372036854775807 - 1);
  EXPECT_EQ(JsonOf(Encode(event)), DocumentJson(R"("file_size":-9223372036854775808)"));
}

TEST(EncodeTest, DoublesAreShortestAndKeepTheSignOfZero) {
  Event event = GoodAssessment();
  event.mutable_assessment()->mutable_payload()->set_score(-0.0);
  EXPECT_EQ(JsonOf(Encode(event)), AssessmentJson(R"("score":-0.0,"violations":[])"));
  event.mutable_assessment()->mutable_payload()->set_score(1e21);
  EXPECT_EQ(JsonOf(Encode(event)), AssessmentJson(R"("score":1e+21,"violations":[])"));
}

TEST(EncodeTest, FreeFormValuesAreWrittenAsWhatTheyStandFor) {
  Event event = GoodAssessment();
  auto& payload = *event.mutable_assessment()->mutable_payload();
  payload.add_violations()->set_null_value(google::protobuf::NULL_VALUE);
  payload.add_violations()->set_number_value(0.5);
  payload.add_violations()->set_string_value("\n");
  payload.add_violations()->set_bool_value(false);
  payload.add_violations()->mutable_struct_value();
  payload.add_violations()->mutable_list_value()->add_values()->set_bool_value(true);
  EXPECT_EQ(JsonOf(Encode(event)),
            AssessmentJson(R"("violations":[null,0.5,"\n",false,{},[true]])"));
}

TEST(EncodeTest, StructsNameTheirMembers) {
  Event event = GoodAnalytics();
  auto& fields =
      *event.mutable_analytics()->mutable_payload()->mutable_metadata()->mutable_fields();
  (*fields["a\"b"].mutable_struct_value()->mutable_fields())[""].set_number_value(1);
  EXPECT_EQ(JsonOf(Encode(event)), AnalyticsJson(R"("metadata":{"a\"b":{"":1}})"));
}

TEST(EncodeTest, AnUnsetOrEmptyEventIdIsAssigned) {
  for (const char* id : {"unset", ""}) {
    Event event = GoodDocument();
    event.mutable_document()->clear_event_id();
    if (*id == '\0') event.mutable_document()->set_event_id(id);
    const auto encoded = Encode(event);
    EXPECT_THAT(JsonOf(encoded), HasSubstr(absl::StrCat("{\"event_id\":\"", kNewId, "\",")));
    EXPECT_EQ(encoded->event_id, kNewId);
  }
}

TEST(EncodeTest, AnUnsetTimestampIsTheClocksMilliseconds) {
  Event event = GoodDocument();
  event.mutable_document()->clear_timestamp();
  EXPECT_THAT(JsonOf(Encode(event)), HasSubstr(R"("timestamp":"2024-01-01T00:00:00.001Z")"));
}

TEST(EncodeTest, AnEmptyTimestampIsTheEpoch) {
  Event event = GoodDocument();
  event.mutable_document()->mutable_timestamp()->Clear();
  EXPECT_THAT(JsonOf(Encode(event)), HasSubstr(R"("timestamp":"1970-01-01T00:00:00Z")"));
}

TEST(EncodeTest, UuidsAreKeptAsTheyAre) {
  Event event = GoodDocument();
  event.mutable_document()->set_document_id("D23F0824-128b-4f33-8C5C-7fd0a6a3a450");
  EXPECT_EQ(Encode(event)->key, "D23F0824-128b-4f33-8C5C-7fd0a6a3a450");
}

TEST(EncodeTest, ExtraMembersFollowTheDocumentedOnesToTheLetter) {
  Event event = GoodDocument();
  event.mutable_document()->mutable_payload()->set_extra_json(
      "{ \"pages\" : 17.0, \"\\u00e9\":[ 1 ] }");
  event.mutable_document()->mutable_payload()->set_filename("x");
  EXPECT_EQ(JsonOf(Encode(event)), DocumentJson(R"("filename":"x","pages":17.0,"\u00e9":[ 1 ])"));
}

TEST(EncodeTest, NullMayStandForADocumentedMember) {
  Event event = GoodDocument();
  event.mutable_document()->mutable_payload()->set_status("s");
  event.mutable_document()->mutable_payload()->set_extra_json(R"({"x":1,"filename":null})");
  EXPECT_EQ(JsonOf(Encode(event)), DocumentJson(R"("filename":null,"status":"s","x":1)"));
}

TEST(EncodeTest, NullMayStandForThePayload) {
  Event event = GoodDocument();
  event.mutable_document()->set_extra_json(R"({"payload":null})");
  EXPECT_THAT(JsonOf(Encode(event)), HasSubstr(R"("payload":null})"));
}

TEST(EncodeTest, NullForEventIdAndTimestampIsUnset) {
  Event event = GoodDocument();
  event.mutable_document()->clear_event_id();
  event.mutable_document()->clear_timestamp();
  event.mutable_document()->set_extra_json(R"({"timestamp":null,"event_id":null})");
  const std::string json = JsonOf(Encode(event));
  EXPECT_THAT(json, HasSubstr(kNewId));
  EXPECT_THAT(json, HasSubstr("2024-01-01T00:00:00.001Z"));
  EXPECT_THAT(json, Not(HasSubstr("null")));
}

TEST(EncodeTest, AMemberCalledExtraJsonIsUnknown) {
  Event event = GoodDocument();
  event.mutable_document()->mutable_payload()->set_extra_json(R"({"extra_json":{"filename":1}})");
  EXPECT_EQ(JsonOf(Encode(event)), DocumentJson(R"("extra_json":{"filename":1})"));
}

TEST(EncodeTest, AnEmptyExtraJsonObjectAddsNothing) {
  Event event = GoodDocument();
  event.mutable_document()->mutable_payload()->set_extra_json(" {} ");
  EXPECT_EQ(JsonOf(Encode(event)), DocumentJson(""));
}

TEST(RewriteTest, DemandsNothing) {
  Event event;
  event.mutable_document();
  const auto encoded = Encode(event, Rules::kRewrite);
  EXPECT_EQ(JsonOf(encoded), R"({"payload":{}})");
  EXPECT_EQ(encoded->event_id, "");
  EXPECT_EQ(encoded->key, "");
}

TEST(RewriteTest, EmptyAndWrongIdsStay) {
  Event event;
  event.mutable_document()->set_event_id("");
  event.mutable_document()->set_document_id("not-a-uuid");
  const auto encoded = Encode(event, Rules::kRewrite);
  EXPECT_EQ(JsonOf(encoded), R"({"event_id":"","document_id":"not-a-uuid","payload":{}})");
  EXPECT_EQ(encoded->key, "not-a-uuid");
}

TEST(RewriteTest, AnExtraMemberStandsInThePlaceOfTheDocumentedOne) {
  Event event;
  event.mutable_document()->set_user_id("u");
  event.mutable_document()->set_extra_json(
      R"({"tenant":1,"event_type":"document.archived","event_id":5,"\u0070ayload":[]})");
  EXPECT_EQ(
      JsonOf(Encode(event, Rules::kRewrite)),
      R"({"event_id":5,"event_type":"document.archived","user_id":"u","payload":[],"tenant":1})");
}

TEST(EncodeTest, AnEventAsLargeAsTheLimitIsWritten) {
  const std::string bytes = GoodDocument().SerializeAsString();
  const std::size_t size = DocumentJson("").size();
  EXPECT_TRUE(Encode(bytes, Rules::kPublish, size).ok());
  const auto refused = Encode(bytes, Rules::kPublish, size - 1);
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_EVENT_TOO_LARGE);
  EXPECT_THAT(ViolationsOf(refused),
              testing::ElementsAre(absl::StrCat("event: ", size, " bytes as JSON, at most ",
                                                size - 1, " are allowed")));
}

}  // namespace
}  // namespace eventbus::wire
