// The text of every refusal by a rule of Publish.
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/wire/encode_support.h"

namespace eventbus::wire {
namespace {

using events::v1::Event;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kUuidRequired[] = "a UUID (8-4-4-4-12 hexadecimal digits) is required";

void ExpectRefused(const Event& event, const std::string& violation) {
  const auto encoded = Encode(event);
  EXPECT_THAT(ViolationsOf(encoded), ElementsAre(violation));
  EXPECT_EQ(ReasonOf(encoded), v1::ERROR_REASON_EVENT_INVALID);
}

TEST(EncodeRulesTest, AFamilyIsRequired) {
  ExpectRefused(Event(),
                "event: no family is set, one of document, meeting, tutor_query, assessment, "
                "analytics is required");
}

TEST(EncodeRulesTest, ATypeIsRequired) {
  Event event = GoodDocument();
  event.mutable_document()->clear_event_type();
  ExpectRefused(event,
                "event.document.event_type: unset, one of document.uploaded, document.processing, "
                "document.indexed, document.error is required");
}

TEST(EncodeRulesTest, ATypeMustBeInTheSchema) {
  Event event = GoodDocument();
  event.mutable_document()->set_event_type(static_cast<events::v1::DocumentEventType>(99));
  ExpectRefused(event,
                "event.document.event_type: 99, one of document.uploaded, document.processing, "
                "document.indexed, document.error is required");
}

TEST(EncodeRulesTest, IdsAreRequired) {
  Event event = GoodDocument();
  event.mutable_document()->clear_document_id();
  ExpectRefused(event, absl::StrCat("event.document.document_id: unset, ", kUuidRequired));
}

TEST(EncodeRulesTest, EmptyIdsAreRefused) {
  Event event = GoodDocument();
  event.mutable_document()->set_user_id("");
  ExpectRefused(event, absl::StrCat("event.document.user_id: empty, ", kUuidRequired));
}

TEST(EncodeRulesTest, IdsAreUuids) {
  Event event = GoodDocument();
  event.mutable_document()->set_classroom_id("room \"5\"");
  ExpectRefused(event,
                absl::StrCat("event.document.classroom_id: \"room \"5\"\", ", kUuidRequired));
}

TEST(EncodeRulesTest, AnEventIdThatIsSetIsAUuid) {
  Event event = GoodDocument();
  event.mutable_document()->set_event_id("1");
  ExpectRefused(
      event, "event.document.event_id: \"1\", a UUID (8-4-4-4-12 hexadecimal digits) is allowed");
}

TEST(EncodeRulesTest, IdsInThePayloadMayBeUnsetButNotEmpty) {
  Event event = GoodAssessment();
  event.mutable_assessment()->mutable_payload()->set_exam_id("");
  ExpectRefused(
      event,
      "event.assessment.payload.exam_id: empty, a UUID (8-4-4-4-12 hexadecimal digits) is "
      "allowed");
}

TEST(EncodeRulesTest, LongTextIsShortened) {
  Event event = GoodDocument();
  event.mutable_document()->set_event_id(std::string(1000, 'x'));
  EXPECT_THAT(ViolationsOf(Encode(event)),
              ElementsAre(HasSubstr(absl::StrCat("\"", std::string(64, 'x'), "...\", a UUID"))));
}

TEST(EncodeRulesTest, TimestampsAreInRange) {
  Event event = GoodDocument();
  event.mutable_document()->mutable_timestamp()->set_seconds(253402300800);
  ExpectRefused(
      event,
      "event.document.timestamp: 253402300800 seconds and 0 nanos, the years 0001-9999 and "
      "nanos 0-999999999 are allowed");
  event.mutable_document()->mutable_timestamp()->set_seconds(0);
  event.mutable_document()->mutable_timestamp()->set_nanos(-1);
  ExpectRefused(event,
                "event.document.timestamp: 0 seconds and -1 nanos, the years 0001-9999 and nanos "
                "0-999999999 are allowed");
}

TEST(EncodeRulesTest, NumbersAreFinite) {
  Event event = GoodAssessment();
  auto& payload = *event.mutable_assessment()->mutable_payload();
  payload.set_score(std::numeric_limits<double>::quiet_NaN());
  ExpectRefused(event, "event.assessment.payload.score: NaN, a finite number is allowed");
  payload.set_score(-std::numeric_limits<double>::infinity());
  ExpectRefused(event, "event.assessment.payload.score: -Infinity, a finite number is allowed");
}

TEST(EncodeRulesTest, NumbersInFreeFormValuesAreFinite) {
  Event event = GoodAnalytics();
  auto& fields =
      *event.mutable_analytics()->mutable_payload()->mutable_metadata()->mutable_fields();
  auto& list = *fields["tags"].mutable_list_value();
  list.add_values()->set_bool_value(true);
  list.add_values()->set_number_value(std::numeric_limits<double>::infinity());
  ExpectRefused(event,
                "event.analytics.payload.metadata.tags[1]: Infinity, a finite number is allowed");
}

TEST(EncodeRulesTest, AValueHasAKind) {
  Event event = GoodAssessment();
  event.mutable_assessment()->mutable_payload()->add_violations();
  ExpectRefused(event,
                "event.assessment.payload.violations[0]: no kind is set, one of null, number, "
                "string, bool, struct, list is required");
}

// A Struct of this many levels.
void Nest(int levels, google::protobuf::Struct* object) {
  for (; levels > 1; --levels) object = (*object->mutable_fields())["d"].mutable_struct_value();
}

TEST(EncodeRulesTest, MetadataIsNested24LevelsAtMost) {
  Event event = GoodAnalytics();
  auto& metadata = *event.mutable_analytics()->mutable_payload()->mutable_metadata();
  Nest(24, &metadata);
  EXPECT_TRUE(Encode(event).ok());
  metadata.Clear();
  Nest(25, &metadata);
  ExpectRefused(event,
                "event.analytics.payload.metadata: nested deeper than 24 levels, at most 24 are "
                "allowed");
}

TEST(EncodeRulesTest, ViolationsAreTheirOwnFirstLevel) {
  Event event = GoodAssessment();
  auto& payload = *event.mutable_assessment()->mutable_payload();
  payload.add_violations()->set_bool_value(true);
  Nest(23, payload.add_violations()->mutable_struct_value());
  EXPECT_TRUE(Encode(event).ok());
  payload.clear_violations();
  Nest(24, payload.add_violations()->mutable_struct_value());
  ExpectRefused(event,
                "event.assessment.payload.violations[0]: nested deeper than 24 levels, at most 24 "
                "are allowed");
}

TEST(EncodeRulesTest, ExtraJsonIsOneObject) {
  Event event = GoodDocument();
  event.mutable_document()->set_extra_json("[]");
  ExpectRefused(event, "event.document.extra_json: not a JSON object, one JSON object is allowed");
  event.mutable_document()->set_extra_json("{\"a\":1");
  ExpectRefused(event,
                "event.document.extra_json: byte 6: the text ends too early, one JSON object is "
                "allowed");
}

TEST(EncodeRulesTest, ExtraJsonHasEachNameOnce) {
  Event event = GoodDocument();
  event.mutable_document()->set_extra_json(R"({"a":1,"\u0061":1})");
  ExpectRefused(event,
                "event.document.extra_json: the name \"a\" more than once, each name is allowed "
                "once");
}

TEST(EncodeRulesTest, ExtraJsonIsNested64LevelsAtMostFromTheOutermostObject) {
  Event event = GoodDocument();
  const auto nested = [](std::size_t levels) {
    return absl::StrCat("{\"a\":", std::string(levels, '['), std::string(levels, ']'), "}");
  };
  event.mutable_document()->mutable_payload()->set_extra_json(nested(62));
  EXPECT_TRUE(Encode(event).ok());
  event.mutable_document()->mutable_payload()->set_extra_json(nested(63));
  ExpectRefused(event,
                "event.document.payload.extra_json: nested deeper than 64 levels from the event's "
                "own object, at most 64 are allowed");
}

TEST(EncodeRulesTest, ExtraJsonNamesNoDocumentedMember) {
  Event event = GoodDocument();
  event.mutable_document()->mutable_payload()->set_extra_json(R"({"f\u0069lename":"x"})");
  ExpectRefused(
      event,
      "event.document.payload.extra_json: the documented name \"filename\", only null for "
      "a field neither required nor set is allowed");
}

TEST(EncodeRulesTest, NullStandsForNothingThatIsSet) {
  Event event = GoodDocument();
  event.mutable_document()->mutable_payload();
  event.mutable_document()->set_extra_json(R"({"payload":null})");
  ExpectRefused(event,
                "event.document.extra_json: the documented name \"payload\", only null for a field "
                "neither required nor set is allowed");
}

TEST(EncodeRulesTest, NullStandsForNothingThatIsRequired) {
  Event event = GoodDocument();
  event.mutable_document()->clear_user_id();
  event.mutable_document()->set_extra_json(R"({"user_id":null})");
  EXPECT_THAT(
      ViolationsOf(Encode(event)),
      ElementsAre("event.document.extra_json: the documented name \"user_id\", only null for "
                  "a field neither required nor set is allowed",
                  absl::StrCat("event.document.user_id: unset, ", kUuidRequired)));
}

TEST(EncodeRulesTest, EverythingWrongIsSaidAtOnce) {
  Event event = GoodDocument();
  auto& document = *event.mutable_document();
  document.set_event_id("x");
  document.clear_event_type();
  document.clear_document_id();
  document.mutable_payload()->set_extra_json("5");
  const auto encoded = Encode(event);
  EXPECT_THAT(ViolationsOf(encoded), SizeIs(4));
  EXPECT_THAT(std::string(encoded.status().message()), HasSubstr("(and 3 more)"));
}

TEST(EncodeRulesTest, NoMoreThanAHundredThingsAreListed) {
  Event event = GoodAssessment();
  for (int i = 0; i < 1000; ++i) {
    event.mutable_assessment()->mutable_payload()->add_violations();
  }
  EXPECT_THAT(ViolationsOf(Encode(event)), SizeIs(100));
}

TEST(EncodeRulesTest, PathsBeginAsTheCallerSays) {
  const auto id = [] { return std::string(); };
  const auto now = [] { return absl::UnixEpoch(); };
  const auto encoded =
      EncodeEvent(DocumentedPlan(), "", {Rules::kPublish, "requests[3].event", 100, id, now});
  EXPECT_THAT(ViolationsOf(encoded), Each(HasSubstr("requests[3].event: no family")));
}

TEST(RewriteRulesTest, WhatJsonCannotSayIsRefusedToo) {
  Event event = GoodAssessment();
  event.mutable_assessment()->mutable_payload()->add_violations();
  EXPECT_THAT(ViolationsOf(Encode(event, Rules::kRewrite)), SizeIs(1));
}

}  // namespace
}  // namespace eventbus::wire
