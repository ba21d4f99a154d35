// Protobuf's bytes in every odd form: what its own parser reads is written, what it refuses is too.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/wire/encode_support.h"

namespace eventbus::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Varint(std::uint64_t value) {
  std::string out;
  for (; value > 0x7f; value >>= 7) out.push_back(static_cast<char>((value & 0x7f) | 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}

std::string Number(std::uint64_t field, std::uint64_t value) {
  return Varint(field << 3) + Varint(value);
}

std::string Bytes(std::uint64_t field, absl::string_view value) {
  return absl::StrCat(Varint(field << 3 | 2), Varint(value.size()), value);
}

// Field numbers of the schema.
constexpr std::uint64_t kDocument = 1;
constexpr std::uint64_t kAssessment = 4;
constexpr std::uint64_t kAnalytics = 5;
constexpr std::uint64_t kEventType = 2;
constexpr std::uint64_t kTimestamp = 3;
constexpr std::uint64_t kPayload = 10;
constexpr std::uint64_t kExtraJson = 15;
constexpr std::uint64_t kFilename = 1;
constexpr std::uint64_t kFileSize = 2;
constexpr std::uint64_t kStatus = 3;

// A good document and what follows it in its message.
std::string DocumentAnd(absl::string_view more) {
  return Bytes(kDocument, absl::StrCat(GoodDocument().document().SerializeAsString(), more));
}

std::string DocumentWithPayload(absl::string_view payload) {
  return DocumentAnd(Bytes(kPayload, payload));
}

std::string AnalyticsWithMetadata(absl::string_view metadata) {
  return Bytes(kAnalytics, absl::StrCat(GoodAnalytics().analytics().SerializeAsString(),
                                        Bytes(kPayload, Bytes(3, metadata))));
}

std::string AssessmentWithViolation(absl::string_view value) {
  return Bytes(kAssessment, absl::StrCat(GoodAssessment().assessment().SerializeAsString(),
                                         Bytes(kPayload, Bytes(3, value))));
}

void ExpectReason(const std::string& event, ErrorReason reason, const std::string& violation) {
  const auto encoded = Encode(event);
  EXPECT_EQ(ReasonOf(encoded), reason);
  EXPECT_THAT(ViolationsOf(encoded), ElementsAre(violation));
}

void ExpectInvalid(const std::string& event, const std::string& violation) {
  ExpectReason(event, v1::ERROR_REASON_EVENT_INVALID, violation);
}

void ExpectUnknown(const std::string& event, const std::string& violation) {
  ExpectReason(event, v1::ERROR_REASON_UNKNOWN_FIELD, violation);
}

TEST(EncodeBytesTest, FieldsMayComeInAnyOrder) {
  const std::string payload = Bytes(kStatus, "s") + Number(kFileSize, 5) + Bytes(kFilename, "f");
  EXPECT_EQ(JsonOf(Encode(DocumentWithPayload(payload))),
            DocumentJson(R"("filename":"f","file_size":5,"status":"s")"));
}

TEST(EncodeBytesTest, TheLastOfAScalarCounts) {
  const std::string payload =
      Bytes(kFilename, "a") + Number(kFileSize, 5) + Bytes(kFilename, "b") + Number(kFileSize, 6);
  EXPECT_EQ(JsonOf(Encode(DocumentWithPayload(payload))),
            DocumentJson(R"("filename":"b","file_size":6)"));
}

TEST(EncodeBytesTest, AnEnumsLastNumberCountsAlsoIfItIsZero) {
  EXPECT_THAT(ViolationsOf(Encode(DocumentAnd(Number(kEventType, 0)))),
              ElementsAre(HasSubstr("event_type: unset")));
}

TEST(EncodeBytesTest, AnEnumHas32Bits) {
  EXPECT_EQ(JsonOf(Encode(DocumentAnd(Number(kEventType, (std::uint64_t{1} << 32) | 1)))),
            DocumentJson(""));
}

TEST(EncodeBytesTest, SubMessagesMerge) {
  const std::string event =
      DocumentAnd(Bytes(kPayload, Bytes(kFilename, "a") + Number(kFileSize, 5)) +
                  Bytes(kPayload, Bytes(kFilename, "b")) + Bytes(kPayload, Bytes(kStatus, "s")));
  EXPECT_EQ(JsonOf(Encode(event)), DocumentJson(R"("filename":"b","file_size":5,"status":"s")"));
}

TEST(EncodeBytesTest, TimestampsMerge) {
  const std::string event = DocumentAnd(Bytes(kTimestamp, Number(2, 1000000)));
  EXPECT_THAT(JsonOf(Encode(event)), HasSubstr(R"("timestamp":"2024-01-01T10:00:00.001Z")"));
}

TEST(EncodeBytesTest, TheSameFamilyMerges) {
  const std::string event =
      DocumentAnd("") + Bytes(kDocument, Bytes(kPayload, Bytes(kFilename, "f")));
  EXPECT_EQ(JsonOf(Encode(event)), DocumentJson(R"("filename":"f")"));
}

TEST(EncodeBytesTest, ALaterFamilyClearsTheFormer) {
  const std::string event = Bytes(kDocument, Number(99, 1)) + AnalyticsWithMetadata("");
  EXPECT_EQ(JsonOf(Encode(event)), AnalyticsJson(R"("metadata":{})"));
  EXPECT_EQ(JsonOf(Encode(AnalyticsWithMetadata("") + DocumentAnd(""))), DocumentJson(""));
}

TEST(EncodeBytesTest, WhatIsClearedMustBeProtobufAllTheSame) {
  ExpectInvalid(Bytes(kAnalytics, "\x08") + DocumentAnd(""),
                "event.analytics: cut off inside a field, the protobuf bytes of "
                "eventbus.events.v1.AnalyticsEvent are required");
  ExpectInvalid(Bytes(kAnalytics, Bytes(1, "\xff")) + DocumentAnd(""),
                "event.analytics.event_id: not UTF-8, UTF-8 is required");
}

TEST(EncodeBytesTest, OccurrencesOfASubMessageAreWhole) {
  const std::string half = Bytes(kFilename, "abc").substr(0, 3);
  ExpectInvalid(DocumentAnd(Bytes(kPayload, half) + Bytes(kPayload, "xy")),
                "event.document.payload: cut off inside a field, the protobuf bytes of "
                "eventbus.events.v1.DocumentPayload are required");
  ExpectInvalid(Bytes(kDocument, half) + Bytes(kDocument, "xy"),
                "event.document: cut off inside a field, the protobuf bytes of "
                "eventbus.events.v1.DocumentEvent are required");
  ExpectInvalid(AssessmentWithViolation(Bytes(6, half) + Bytes(6, "xy")),
                "event.assessment.payload.violations[0]: cut off inside a field, the protobuf "
                "bytes of google.protobuf.ListValue are required");
  ExpectInvalid(AnalyticsWithMetadata(Bytes(1, Bytes(2, half) + Bytes(2, "xy"))),
                "event.analytics.payload.metadata: cut off inside a field, the protobuf bytes of "
                "google.protobuf.Value are required");
}

TEST(EncodeBytesTest, OfAStructsKeyTheLastEntryCounts) {
  const auto entry = [](absl::string_view key, std::uint64_t value) {
    return Bytes(1, Bytes(1, key) + Bytes(2, Number(4, value)));
  };
  const std::string event = AnalyticsWithMetadata(entry("a", 1) + entry("b", 1) + entry("a", 0));
  EXPECT_EQ(JsonOf(Encode(event)), AnalyticsJson(R"("metadata":{"b":true,"a":false})"));
}

TEST(EncodeBytesTest, OfAStructsKeyTheLastOfManyEntriesCounts) {
  std::string entries;
  for (int i = 0; i < 100; ++i) {
    entries += Bytes(1, Bytes(1, "k") + Bytes(2, Bytes(3, std::to_string(i))));
  }
  EXPECT_EQ(JsonOf(Encode(AnalyticsWithMetadata(entries))),
            AnalyticsJson(R"("metadata":{"k":"99"})"));
}

TEST(EncodeBytesTest, AStructsEntryMayHaveItsPartsInAnyOrderAndTwice) {
  const std::string entry =
      Bytes(2, Bytes(3, "x")) + Bytes(1, "a") + Bytes(2, Bytes(3, "y")) + Bytes(1, "b");
  EXPECT_EQ(JsonOf(Encode(AnalyticsWithMetadata(Bytes(1, entry)))),
            AnalyticsJson(R"("metadata":{"b":"y"})"));
}

TEST(EncodeBytesTest, AStructsEntryWithoutAKeyHasTheEmptyOne) {
  EXPECT_EQ(JsonOf(Encode(AnalyticsWithMetadata(Bytes(1, Bytes(2, Number(1, 0)))))),
            AnalyticsJson(R"("metadata":{"":null})"));
}

TEST(EncodeBytesTest, TheLastKindOfAValueCounts) {
  EXPECT_EQ(JsonOf(Encode(AssessmentWithViolation(Bytes(3, "x") + Number(4, 1)))),
            AssessmentJson(R"("violations":[true])"));
}

TEST(EncodeBytesTest, ListsAndStructsOfAValueMergeUntilAnotherKindComes) {
  const std::string one = Bytes(6, Bytes(1, Bytes(3, "a")));
  const std::string two = Bytes(6, Bytes(1, Bytes(3, "b")));
  EXPECT_EQ(JsonOf(Encode(AssessmentWithViolation(one + two))),
            AssessmentJson(R"("violations":[["a","b"]])"));
  EXPECT_EQ(JsonOf(Encode(AssessmentWithViolation(one + Number(1, 0) + two))),
            AssessmentJson(R"("violations":[["b"]])"));
}

TEST(EncodeBytesTest, AKindThatIsReplacedMustBeProtobufAllTheSame) {
  ExpectInvalid(
      AssessmentWithViolation(Bytes(5, "\x0a") + Number(4, 1)),
      "event.assessment.payload.violations[0]: cut off inside a field, the protobuf bytes "
      "of google.protobuf.Struct are required");
  ExpectInvalid(AssessmentWithViolation(Bytes(3, "\xff") + Number(4, 1)),
                "event.assessment.payload.violations[0]: not UTF-8, UTF-8 is required");
}

TEST(EncodeBytesTest, AReplacedKindBreaksNoRule) {
  const std::string nothing = Bytes(6, Bytes(1, ""));
  EXPECT_EQ(JsonOf(Encode(AssessmentWithViolation(nothing + Number(4, 1)))),
            AssessmentJson(R"("violations":[true])"));
}

TEST(EncodeBytesTest, UnknownFieldsAreRefusedAtEveryDepth) {
  const std::string unknown = Number(99, 1);
  ExpectUnknown(DocumentAnd("") + unknown,
                "event: field 99 of wire type 0, a field of Event as this server knows it is "
                "allowed");
  ExpectUnknown(DocumentAnd(unknown),
                "event.document: field 99 of wire type 0, a field of "
                "eventbus.events.v1.DocumentEvent as this server knows it is allowed");
  ExpectUnknown(DocumentWithPayload(unknown),
                "event.document.payload: field 99 of wire type 0, a field of "
                "eventbus.events.v1.DocumentPayload as this server knows it is allowed");
  ExpectUnknown(DocumentAnd(Bytes(kTimestamp, unknown)),
                "event.document.timestamp: field 99 of wire type 0, a field of "
                "google.protobuf.Timestamp as this server knows it is allowed");
  ExpectUnknown(AnalyticsWithMetadata(unknown),
                "event.analytics.payload.metadata: field 99 of wire type 0, a field of "
                "google.protobuf.Struct as this server knows it is allowed");
  ExpectUnknown(AnalyticsWithMetadata(Bytes(1, Bytes(2, Number(4, 1)) + unknown)),
                "event.analytics.payload.metadata: field 99 of wire type 0, a field of "
                "google.protobuf.Struct.FieldsEntry as this server knows it is allowed");
  ExpectUnknown(AssessmentWithViolation(Number(4, 1) + unknown),
                "event.assessment.payload.violations[0]: field 99 of wire type 0, a field of "
                "google.protobuf.Value as this server knows it is allowed");
  ExpectUnknown(AssessmentWithViolation(Bytes(6, unknown)),
                "event.assessment.payload.violations[0]: field 99 of wire type 0, a field of "
                "google.protobuf.ListValue as this server knows it is allowed");
}

TEST(EncodeBytesTest, AKnownNumberOfAnotherWireTypeIsUnknown) {
  ExpectUnknown(DocumentWithPayload(Bytes(kFileSize, "\x05")),
                "event.document.payload: field 2 of wire type 2, a field of "
                "eventbus.events.v1.DocumentPayload as this server knows it is allowed");
  ExpectUnknown(DocumentWithPayload(Number(kExtraJson, 1)),
                "event.document.payload: field 15 of wire type 0, a field of "
                "eventbus.events.v1.DocumentPayload as this server knows it is allowed");
}

TEST(EncodeBytesTest, AGroupIsAnUnknownField) {
  ExpectUnknown(DocumentWithPayload("\x0b\x08\x05\x0c"),
                "event.document.payload: field 1 of wire type 3, a field of "
                "eventbus.events.v1.DocumentPayload as this server knows it is allowed");
}

TEST(EncodeBytesTest, UnknownFieldsAreRefusedInRewritesToo) {
  EXPECT_EQ(ReasonOf(Encode(DocumentAnd(Number(99, 1)), Rules::kRewrite)),
            v1::ERROR_REASON_UNKNOWN_FIELD);
}

TEST(EncodeBytesTest, BrokenBytesCountMoreThanUnknownFields) {
  const auto encoded = Encode(DocumentAnd(Number(99, 1)) + "\x08");
  EXPECT_EQ(ReasonOf(encoded), v1::ERROR_REASON_EVENT_INVALID);
}

TEST(EncodeBytesTest, CutOffBytesAreRefusedWithThePathOfTheMessage) {
  ExpectInvalid("\x0a\x05",
                "event: cut off inside a field, the protobuf bytes of Event are required");
  ExpectInvalid(DocumentWithPayload("\x0a\x05"),
                "event.document.payload: cut off inside a field, the protobuf bytes of "
                "eventbus.events.v1.DocumentPayload are required");
  ExpectInvalid(DocumentAnd(Bytes(kTimestamp, "\x08")),
                "event.document.timestamp: cut off inside a field, the protobuf bytes of "
                "google.protobuf.Timestamp are required");
}

TEST(EncodeBytesTest, EveryPrefixIsRefusedOrAnEvent) {
  const std::string event = DocumentWithPayload(Bytes(kFilename, "f") + Number(kFileSize, 300));
  for (std::size_t size = 0; size < event.size(); ++size) {
    EXPECT_EQ(ReasonOf(Encode(event.substr(0, size))), v1::ERROR_REASON_EVENT_INVALID) << size;
  }
}

TEST(EncodeBytesTest, StringsAreUtf8) {
  ExpectInvalid(DocumentWithPayload(Bytes(kFilename, "a\xff")),
                "event.document.payload.filename: not UTF-8, UTF-8 is required");
  ExpectInvalid(DocumentAnd(Bytes(kExtraJson, "{\"a\":\"\xff\"}")),
                "event.document.extra_json: not UTF-8, UTF-8 is required");
  ExpectInvalid(AnalyticsWithMetadata(Bytes(1, Bytes(1, "\xff") + Bytes(2, Number(4, 1)))),
                "event.analytics.payload.metadata: a name that is not UTF-8, UTF-8 is required");
  ExpectInvalid(AssessmentWithViolation(Bytes(3, "\xff")),
                "event.assessment.payload.violations[0]: not UTF-8, UTF-8 is required");
}

TEST(EncodeBytesTest, AStringThatIsReplacedIsUtf8Too) {
  ExpectInvalid(DocumentWithPayload(Bytes(kFilename, "\xff") + Bytes(kFilename, "f")),
                "event.document.payload.filename: not UTF-8, UTF-8 is required");
}

TEST(EncodeBytesTest, OverlongNumbersAreTaken) {
  const std::string overlong("\x90\x80\x00\x85\x80\x80\x00", 7);
  EXPECT_EQ(JsonOf(Encode(DocumentWithPayload(overlong))), DocumentJson(R"("file_size":5)"));
}

TEST(EncodeBytesTest, MessagesNestedPastAHundredAreNoProtobuf) {
  std::string value = Number(99, 1);
  for (int i = 0; i < 60; ++i) value = Bytes(6, Bytes(1, value));
  const auto encoded = Encode(AssessmentWithViolation(value));
  EXPECT_EQ(ReasonOf(encoded), v1::ERROR_REASON_EVENT_INVALID);
  EXPECT_THAT(
      ViolationsOf(encoded),
      ElementsAre("event.assessment.payload.violations[0]: nested deeper than 24 levels, at "
                  "most 24 are allowed",
                  HasSubstr("messages nested deeper than 100 levels")));
}

}  // namespace
}  // namespace eventbus::wire
