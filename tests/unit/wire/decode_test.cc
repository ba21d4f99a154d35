#include "server/wire/decode.h"

#include <cmath>
#include <string>

#include "gtest/gtest.h"
#include "tests/unit/wire/decode_support.h"

namespace eventbus::wire {
namespace {

using events::v1::Event;

constexpr char kDocument[] = R"({"event_id":"6513270e-269e-4d37-b2a7-4de452e6b438",
  "event_type":"document.uploaded","timestamp":"2024-01-01T10:00:00Z","document_id":"d",
  "classroom_id":"c","user_id":"u",
  "payload":{"filename":"notes.pdf","file_size":1024000,"status":"uploaded"}})";

TEST(DecodeTest, DocumentedMembersBecomeFields) {
  const auto document = Document(kDocument);
  EXPECT_EQ(document.event_id(), "6513270e-269e-4d37-b2a7-4de452e6b438");
  EXPECT_EQ(document.event_type(), events::v1::DOCUMENT_EVENT_TYPE_UPLOADED);
  EXPECT_EQ(document.timestamp().seconds(), 1704103200);
  EXPECT_EQ(document.document_id(), "d");
  EXPECT_EQ(document.classroom_id(), "c");
  EXPECT_EQ(document.user_id(), "u");
  EXPECT_EQ(document.payload().filename(), "notes.pdf");
  EXPECT_EQ(document.payload().file_size(), 1024000);
  EXPECT_EQ(document.payload().status(), "uploaded");
  EXPECT_EQ(document.extra_json(), "");
  EXPECT_EQ(document.payload().extra_json(), "");
}

TEST(DecodeTest, IdAndTypeAreNotedAsText) {
  const Decoded decoded = DecodedOf("document-events", kDocument);
  EXPECT_EQ(decoded.event_id, "6513270e-269e-4d37-b2a7-4de452e6b438");
  EXPECT_EQ(decoded.event_type, "document.uploaded");
}

TEST(DecodeTest, AnEmptyObjectIsAnEventOfItsFamily) {
  const Event event = EventOf("meeting-events", "{}");
  EXPECT_TRUE(event.has_meeting());
  EXPECT_FALSE(event.meeting().has_payload());
  EXPECT_FALSE(event.meeting().has_event_id());
}

TEST(DecodeTest, ZeroAndEmptyArePresent) {
  const auto payload = DocumentPayload(R"("filename":"","file_size":0)");
  EXPECT_TRUE(payload.has_filename());
  EXPECT_TRUE(payload.has_file_size());
  EXPECT_FALSE(payload.has_status());
  EXPECT_TRUE(TutorQueryPayload(R"("related_to_previous":false)").has_related_to_previous());
  EXPECT_TRUE(Document(R"({"timestamp":"1970-01-01T00:00:00Z"})").has_timestamp());
  EXPECT_TRUE(Document(R"({"payload":{}})").has_payload());
}

TEST(DecodeTest, MembersInAnyOrder) {
  const auto document = Document(R"({"payload":{"status":"s","filename":"f"},"event_id":"e"})");
  EXPECT_EQ(document.payload().filename(), "f");
  EXPECT_EQ(document.event_id(), "e");
}

TEST(DecodeTest, EscapedNamesAndValuesAreRead) {
  const auto document = Document(R"({"event\u005fid":"Zo\u00eb \ud83d\ude00\u0000"})");
  EXPECT_EQ(document.event_id(), std::string("Zo\xc3\xab \xf0\x9f\x98\x80\0", 10));
  EXPECT_EQ(document.extra_json(), "");
}

TEST(DecodeTest, UnknownMembersAreKeptToTheLetter) {
  const auto document = Document(
      R"({"tenant" : {"id": 12345678901234567890, "tags":[ "\u0061"]},"x\u0041":1.50,"event_id":"e"})");
  EXPECT_EQ(document.extra_json(),
            R"({"tenant":{"id": 12345678901234567890, "tags":[ "\u0061"]},"x\u0041":1.50})");
  EXPECT_EQ(document.event_id(), "e");
}

TEST(DecodeTest, EachObjectKeepsItsOwn) {
  const auto document = Document(R"({"a":1,"payload":{"b":2,"filename":"f"},"c":3})");
  EXPECT_EQ(document.extra_json(), R"({"a":1,"c":3})");
  EXPECT_EQ(document.payload().extra_json(), R"({"b":2})");
}

TEST(DecodeTest, AMemberCalledExtraJsonIsUnknown) {
  EXPECT_EQ(Document(R"({"extra_json":"{}"})").extra_json(), R"({"extra_json":"{}"})");
}

TEST(DecodeTest, NullIsKept) {
  const auto document = Document(R"({"user_id":null,"payload":null,"timestamp":null})");
  EXPECT_FALSE(document.has_user_id());
  EXPECT_FALSE(document.has_payload());
  EXPECT_EQ(document.extra_json(), R"({"user_id":null,"payload":null,"timestamp":null})");
}

TEST(DecodeTest, AWrongTypeIsKeptWhole) {
  EXPECT_EQ(Document(R"({"payload":[ {"filename":1} ]})").extra_json(),
            R"({"payload":[ {"filename":1} ]})");
  EXPECT_EQ(DocumentPayload(R"("filename":{"a":[1]},"file_size":true,"status":1)").extra_json(),
            R"({"filename":{"a":[1]},"file_size":true,"status":1})");
  EXPECT_EQ(TutorQueryPayload(R"("related_to_previous":"true")").extra_json(),
            R"({"related_to_previous":"true"})");
}

TEST(DecodeTest, NumbersInStringsAreNumbers) {
  EXPECT_EQ(DocumentPayload(R"("file_size":"9007199254740993")").file_size(), 9007199254740993);
  EXPECT_EQ(DocumentPayload(R"("file_size":"\u0035")").file_size(), 5);
  EXPECT_EQ(AssessmentPayload(R"("score":"85.5")").score(), 85.5);
  EXPECT_EQ(DocumentPayload(R"("file_size":" 5")").extra_json(), R"({"file_size":" 5"})");
  EXPECT_EQ(AssessmentPayload(R"("score":"NaN")").extra_json(), R"({"score":"NaN"})");
}

TEST(DecodeTest, WhatNoInt64HoldsIsKept) {
  EXPECT_EQ(DocumentPayload(R"("file_size":5000.7)").extra_json(), R"({"file_size":5000.7})");
  EXPECT_EQ(DocumentPayload(R"("file_size":-0)").extra_json(), R"({"file_size":-0})");
}

TEST(DecodeTest, NegativeNumbers) {
  EXPECT_EQ(DocumentPayload(R"("file_size":-9223372036854775808)").file_size(),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_TRUE(std::signbit(AssessmentPayload(R"("score":-0.0)").score()));
}

TEST(DecodeTest, WhatNoDoubleHoldsIsKept) {
  EXPECT_EQ(AssessmentPayload(R"("score":0.10000000000000000001)").extra_json(),
            R"({"score":0.10000000000000000001})");
}

TEST(DecodeTest, AnUnknownTypeIsKeptAndNoted) {
  const char value[] = R"({"event_type":"document.\u0061rchived"})";
  EXPECT_EQ(Document(value).event_type(), events::v1::DOCUMENT_EVENT_TYPE_UNSPECIFIED);
  EXPECT_EQ(Document(value).extra_json(), value);
  EXPECT_EQ(DecodedOf("document-events", value).event_type, "document.archived");
}

TEST(DecodeTest, AnotherFamilysTypeIsUnknown) {
  EXPECT_EQ(Document(R"({"event_type":"exam.graded"})").extra_json(),
            R"({"event_type":"exam.graded"})");
}

TEST(DecodeTest, AnEmptyOrNumericTypeIsNoType) {
  EXPECT_EQ(Document(R"({"event_type":""})").extra_json(), R"({"event_type":""})");
  EXPECT_EQ(Document(R"({"event_type":1})").extra_json(), R"({"event_type":1})");
  EXPECT_EQ(DecodedOf("document-events", R"({"event_type":1})").event_type, "");
}

TEST(DecodeTest, OnlyTheOutermostIdIsNoted) {
  const Decoded decoded = DecodedOf(
      "document-events", R"({"event_id":"a","payload":{"event_id":"b","event_type":"c"}})");
  EXPECT_EQ(decoded.event_id, "a");
  EXPECT_EQ(decoded.event_type, "");
}

TEST(DecodeTest, HalfOfASurrogatePairIsKept) {
  const char value[] = R"({"event_id":"\ud800","\udc00":1})";
  EXPECT_EQ(Document(value).extra_json(), value);
  EXPECT_EQ(DecodedOf("document-events", value).event_id, "");
}

TEST(DecodeTest, ATimestampThatDoesNotFitIsKept) {
  EXPECT_EQ(Document(R"({"timestamp":"2024-01-01T23:59:60Z"})").extra_json(),
            R"({"timestamp":"2024-01-01T23:59:60Z"})");
  EXPECT_EQ(Document(R"({"timestamp":1704103200})").extra_json(), R"({"timestamp":1704103200})");
}

TEST(DecodeTest, TheBufferOfALargeEventDoesNotShowInTheNext) {
  DecodedOf("document-events", "{\"x\":\"" + std::string(2'000'000, 'x') + "\"}");
  EXPECT_EQ(Document(R"({"event_id":"e"})").ByteSizeLong(), 3u);
}

}  // namespace
}  // namespace eventbus::wire
