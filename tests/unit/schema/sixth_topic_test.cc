// The schema is data: a sixth topic, with a payload unlike the documented ones, works from its
// descriptors alone. This binary has no generated event class.
#include <memory>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/error.h"
#include "server/bus/filter.h"
#include "server/bus/provision.h"
#include "server/event/catalog.h"
#include "server/wire/decode.h"
#include "server/wire/encode.h"
#include "server/wire/plan.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/reference/decode.h"
#include "tests/reference/encode.h"
#include "tests/reference/equal.h"
#include "tests/reference/schema.h"
#include "tests/unit/schema/library_schema.h"

namespace eventbus::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const reference::Schema& Schema() {
  static const reference::Schema schema(LibraryPool());
  return schema;
}

const wire::Plan& Plan() {
  static const std::unique_ptr<const wire::Plan> plan =
      wire::Plan::Compile(Schema().catalog()).value();
  return *plan;
}

constexpr char kLent[] = R"({"event_id":"0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c10",)"
                         R"("event_type":"book.lent","timestamp":"2024-01-01T10:00:00Z",)"
                         R"("book_id":"shelf 7, book 12",)"
                         R"("user_id":"0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c15","payload":{)"
                         R"("title":"Candide","form":"paper","renewed":false,"fee":0.1,)"
                         R"("days":9007199254740993,"due":"2024-01-29T10:00:00.500Z",)"
                         R"("shelf":{"room":"r","row":-1,"places":[3,4]},)"
                         R"("pages":[1,9223372036854775807,-1],"tags":["a","","a"],)"
                         R"("read":[true,false],"ratings":[0.5,-0.0,1e+21],)"
                         R"("notes":[null,{"n":1}],"details":{"lang":"fr"}}})";

absl::StatusOr<wire::Encoded> Encode(absl::string_view event, wire::Rules rules) {
  const auto id = [] { return std::string("0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8cff"); };
  const auto now = [] { return absl::FromUnixMillis(1704067200001); };
  return wire::EncodeEvent(Plan(), event, {rules, "event", 1'000'000, id, now});
}

std::string DecodeLibrary(absl::string_view value) {
  const auto result = wire::Decode(Plan(), *Plan().FindByTopic("library-events"), value);
  const auto* decoded = std::get_if<wire::Decoded>(&result);
  EXPECT_NE(decoded, nullptr);
  return decoded == nullptr ? "" : decoded->event;
}

std::vector<std::string> FieldsOf(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : GetErrorDetails(status).violations) {
    fields.push_back(violation.field);
  }
  return fields;
}

TEST(SixthTopicTest, NoGeneratedEventIsLinked) {
  EXPECT_EQ(google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
                event::Catalog::kEventMessage),
            nullptr);
}

TEST(SixthTopicTest, TheCatalogHasItBesideTheFive) {
  const event::Catalog& catalog = Schema().catalog();
  ASSERT_EQ(catalog.topics().size(), 6u);
  const event::Topic* topic = catalog.FindTopic("library-events");
  ASSERT_NE(topic, nullptr);
  EXPECT_EQ(topic->partitions, 4);
  EXPECT_EQ(topic->retention, absl::Hours(14 * 24));
  EXPECT_EQ(topic->family, "library");
  EXPECT_EQ(topic->family_number, 6);
  EXPECT_EQ(topic->key_field->name(), "book_id");
  ASSERT_EQ(topic->types.size(), 2u);
  EXPECT_EQ(topic->types[1].wire_name, "book.returned");
  EXPECT_EQ(topic->types[1].number, 4);
}

TEST(SixthTopicTest, ItsTypesAreRouted) {
  EXPECT_EQ(Schema().catalog().FindTopicOfType("book.returned")->name, "library-events");
  EXPECT_EQ(Plan().FindByType("book.lent")->topic->name, "library-events");
  EXPECT_EQ(Plan().FindByNumber(6)->topic->name, "library-events");
}

TEST(SixthTopicTest, WhatIsPublishedIsWrittenAsDocumentedAndReadBack) {
  const std::string event = DecodeLibrary(kLent);
  const auto parsed = Schema().Parse(event);
  ASSERT_TRUE(parsed != nullptr);
  EXPECT_THAT(reference::Describe(*parsed), HasSubstr("places: 3"));
  EXPECT_THAT(reference::Describe(*parsed), Not(HasSubstr("extra_json")));
  const auto encoded = Encode(event, wire::Rules::kPublish);
  ASSERT_TRUE(encoded.ok()) << encoded.status();
  EXPECT_EQ(encoded->json, kLent);
  EXPECT_EQ(encoded->key, "shelf 7, book 12");
  EXPECT_EQ(encoded->topic->name, "library-events");
}

TEST(SixthTopicTest, TheReferenceReadsAndWritesTheSame) {
  const auto expected =
      reference::ReferenceDecode(Schema(), Schema().topic("library-events"), kLent);
  ASSERT_TRUE(expected.event != nullptr);
  const auto parsed = Schema().Parse(DecodeLibrary(kLent));
  ASSERT_TRUE(parsed != nullptr);
  EXPECT_EQ(reference::Describe(*parsed), reference::Describe(*expected.event));
  const auto encoded = reference::ReferenceEncode(Schema(), *parsed, {});
  EXPECT_THAT(encoded.violations, IsEmpty());
  EXPECT_TRUE(reference::SameJson(encoded.json, kLent)) << encoded.json;
}

TEST(SixthTopicTest, EveryBrokenRuleIsNamed) {
  const std::string event = DecodeLibrary(
      R"({"book_id":"","user_id":"somebody","payload":{"fee":1},"y":1,"event_type":"x"})");
  const auto encoded = Encode(event, wire::Rules::kPublish);
  ASSERT_FALSE(encoded.ok());
  EXPECT_EQ(GetErrorDetails(encoded.status()).reason, v1::ERROR_REASON_EVENT_INVALID);
  EXPECT_THAT(FieldsOf(encoded.status()),
              ::testing::UnorderedElementsAre("event.library.event_type", "event.library.book_id",
                                              "event.library.user_id", "event.library.extra_json"));
}

// Each value, read and written again, and read by the reference.
TEST(SixthTopicTest, WhatDoesNotFitIsKept) {
  for (const char* payload : {R"({"pages":[1,2.5]})",
                              R"({"pages":[1,null]})",
                              R"({"pages":"1"})",
                              R"({"pages":["1",2e3]})",
                              R"({"pages":[-0]})",
                              R"({"pages":[9223372036854775808]})",
                              R"({"tags":["a",5]})",
                              R"({"tags":["\ud800"]})",
                              R"({"tags":null})",
                              R"({"tags":[]})",
                              R"({"read":[true,"true"]})",
                              R"({"ratings":[0.1,1e400]})",
                              R"({"ratings":["0.5"]})",
                              R"({"form":"vellum"})",
                              R"({"form":1})",
                              R"({"form":""})",
                              R"({"form":null})",
                              R"({"shelf":null})",
                              R"({"shelf":[]})",
                              R"({"shelf":{}})",
                              R"({"shelf":{"row":"x","places":{},"unknown":1.0}})",
                              R"({"shelf":{"room":"a"},"shelf":{"row":1}})",
                              R"({"pages":[1,2],"pages":[3]})",
                              R"({"pages":[1,2],"pages":[3,"x"]})",
                              R"({"pages":[1,"x"],"pages":[3]})",
                              R"({"due":"yesterday"})",
                              R"({"due":"2024-01-29T12:00:00+02:00"})",
                              R"({"due":null})",
                              R"({"notes":[[[]]],"details":{"a":1e2}})",
                              R"({"notes":[12345678901234567890]})",
                              R"({"details":[]})",
                              R"({"days":"12"})",
                              R"({})"}) {
    SCOPED_TRACE(payload);
    const std::string value =
        absl::StrCat(R"({"event_type":"book.returned","payload":)", payload, "}");
    const event::Topic& topic = Schema().topic("library-events");
    const std::string event = DecodeLibrary(value);
    const auto parsed = Schema().Parse(event);
    ASSERT_TRUE(parsed != nullptr);
    EXPECT_EQ(reference::Describe(*parsed),
              reference::Describe(*reference::ReferenceDecode(Schema(), topic, value).event));
    const auto again = Encode(event, wire::Rules::kRewrite);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(reference::ReferenceEqualsAsJson(topic, again->json, value)) << again->json;
  }
}

TEST(SixthTopicTest, ItsTypesAreFiltered) {
  const auto filter = bus::Filter::Parse({"book.lent"}, Schema().catalog());
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_TRUE(filter->Passes("book.lent"));
  EXPECT_FALSE(filter->Passes("book.returned"));
}

TEST(SixthTopicTest, ItIsProvisioned) {
  fakes::FakeKafka kafka;
  ASSERT_TRUE(bus::Provision(Schema().catalog(), 1, kafka, Clock::System(), absl::Seconds(1)).ok());
  ASSERT_EQ(kafka.created().size(), 6u);
  EXPECT_EQ(kafka.created()[5].name, "library-events");
  EXPECT_EQ(kafka.created()[5].partitions, 4);
  EXPECT_EQ(kafka.created()[5].retention, absl::Hours(14 * 24));
}

}  // namespace
}  // namespace eventbus::testing
