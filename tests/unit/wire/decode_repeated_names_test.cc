#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/unit/wire/decode_support.h"

namespace eventbus::wire {
namespace {

TEST(RepeatedNamesTest, TheLastWins) {
  EXPECT_EQ(Document(R"({"event_id":"a","user_id":"u","event_id":"bb"})").event_id(), "bb");
  EXPECT_EQ(DecodedOf("document-events", R"({"event_id":"a","event_id":"b"})").event_id, "b");
}

TEST(RepeatedNamesTest, NothingOfTheEarlierIsWritten) {
  EXPECT_EQ(DecodedOf("document-events", R"({"event_id":"a","user_id":"u","event_id":"b"})").event,
            DecodedOf("document-events", R"({"user_id":"u","event_id":"b"})").event);
}

TEST(RepeatedNamesTest, ObjectsAreReplacedNotMerged) {
  const auto payload =
      Document(R"({"payload":{"filename":"f","x":1},"payload":{"status":"s"}})").payload();
  EXPECT_FALSE(payload.has_filename());
  EXPECT_EQ(payload.status(), "s");
  EXPECT_EQ(payload.extra_json(), "");
}

TEST(RepeatedNamesTest, ListsAreReplacedNotJoined) {
  EXPECT_EQ(AssessmentPayload(R"("violations":[1,2],"violations":[3])").violations_size(), 1);
  EXPECT_EQ(AssessmentPayload(R"("violations":[1,2],"violations":[])").violations_size(), 0);
}

TEST(RepeatedNamesTest, AMisfitReplacesAFit) {
  const auto document =
      Document(R"({"payload":{"filename":"f"},"event_id":"e","payload":null,"user_id":"u"})");
  EXPECT_FALSE(document.has_payload());
  EXPECT_EQ(document.event_id(), "e");
  EXPECT_EQ(document.user_id(), "u");
  EXPECT_EQ(document.extra_json(), R"({"payload":null})");
}

TEST(RepeatedNamesTest, AFitReplacesAMisfit) {
  const auto document = Document(R"({"event_id":1,"x":2,"event_id":null,"event_id":"e"})");
  EXPECT_EQ(document.event_id(), "e");
  EXPECT_EQ(document.extra_json(), R"({"x":2})");
}

TEST(RepeatedNamesTest, AMisfitReplacesAMisfit) {
  EXPECT_EQ(Document(R"({"event_id":1,"event_id":2})").extra_json(), R"({"event_id":2})");
  EXPECT_EQ(Document(R"({"event_id":1,"event_id":"e","event_id":2})").extra_json(),
            R"({"event_id":2})");
}

TEST(RepeatedNamesTest, UnknownMembersToo) {
  EXPECT_EQ(Document(R"({"x":1,"y":2,"x":3})").extra_json(), R"({"y":2,"x":3})");
}

TEST(RepeatedNamesTest, AreComparedUnescaped) {
  EXPECT_EQ(Document(R"({"x":1,"\u0078":2})").extra_json(), R"({"\u0078":2})");
  EXPECT_EQ(Document(R"({"\ud800":1,"\uD800":2})").extra_json(), R"({"\uD800":2})");
  EXPECT_EQ(Document(R"({"event_id":"a","\u0065vent_id":"b"})").event_id(), "b");
}

TEST(RepeatedNamesTest, ManyUnknownMembers) {
  std::string value = "{\"x\":0";
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&value, ",\"k", i % 500, "\":", i);
  const std::string extra = Document(value + "}").extra_json();
  EXPECT_EQ(extra.substr(0, 22), R"({"x":0,"k0":500,"k1":5)");
  EXPECT_EQ(extra.substr(extra.size() - 11), R"("k499":999})");
}

TEST(RepeatedNamesTest, InMetadataTheLastWins) {
  const auto metadata =
      AnalyticsPayload(R"("metadata":{"a":{"b":1},"c":2,"a":{"d":3},"\u0063":4})").metadata();
  EXPECT_EQ(metadata.fields().size(), 2u);
  EXPECT_EQ(metadata.fields().at("c").number_value(), 4);
  EXPECT_EQ(metadata.fields().at("a").struct_value().fields().size(), 1u);
  EXPECT_EQ(metadata.fields().at("a").struct_value().fields().at("d").number_value(), 3);
}

TEST(RepeatedNamesTest, InMetadataNothingOfTheEarlierIsWritten) {
  const auto event = [](absl::string_view metadata) {
    return DecodedOf("analytics-events",
                     absl::StrCat("{\"payload\":{\"metadata\":", metadata, "}}"))
        .event;
  };
  EXPECT_EQ(event(R"({"a":1,"b":{"c":1,"c":2,"d":3},"a":4})"),
            event(R"({"b":{"c":2,"d":3},"a":4})"));
}

TEST(RepeatedNamesTest, ManyInMetadata) {
  std::string members = "\"metadata\":{\"x\":0";
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&members, ",\"k", i % 500, "\":", i);
  const auto metadata = AnalyticsPayload(members + "}").metadata();
  EXPECT_EQ(metadata.fields().size(), 501u);
  EXPECT_EQ(metadata.fields().at("k7").number_value(), 507);
}

}  // namespace
}  // namespace eventbus::wire
