#include "server/event/catalog.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "eventbus/events/v1/event.pb.h"
#include "eventbus/schema/v1/annotations.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace eventbus::event {
namespace {

namespace pb = google::protobuf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Catalog& Documented() {
  static const Catalog catalog =
      Catalog::FromPool(*events::v1::Event::descriptor()->file()->pool()).value();
  return catalog;
}

template <typename Part>
std::vector<Part> OfEach(Part Topic::*part) {
  std::vector<Part> parts;
  for (const Topic& topic : Documented().topics()) parts.push_back(topic.*part);
  return parts;
}

TEST(CatalogTest, HasTheFiveTopicsInTheOrderOfTheFamilies) {
  EXPECT_THAT(OfEach(&Topic::name),
              ElementsAre("document-events", "meeting-events", "tutor-queries", "assessment-events",
                          "analytics-events"));
  EXPECT_THAT(OfEach(&Topic::family),
              ElementsAre("document", "meeting", "tutor_query", "assessment", "analytics"));
  EXPECT_THAT(OfEach(&Topic::family_number), ElementsAre(1, 2, 3, 4, 5));
}

TEST(CatalogTest, HasTheirPartitionsAndRetention) {
  EXPECT_THAT(OfEach(&Topic::partitions), ElementsAre(3, 6, 3, 3, 6));
  const absl::Duration day = absl::Hours(24);
  EXPECT_THAT(OfEach(&Topic::retention),
              ElementsAre(7 * day, 3 * day, 30 * day, 90 * day, 30 * day));
}

TEST(CatalogTest, HasTheirKeys) {
  std::vector<std::string> keys;
  for (const Topic& topic : Documented().topics()) keys.push_back(topic.key_field->name());
  EXPECT_THAT(keys,
              ElementsAre("document_id", "meeting_id", "session_id", "exam_session_id", "user_id"));
}

TEST(CatalogTest, HasTheNineteenTypes) {
  std::vector<std::string> types;
  for (const Topic& topic : Documented().topics()) {
    for (const EventType& type : topic.types) types.push_back(type.wire_name);
  }
  EXPECT_THAT(types, ElementsAre("document.uploaded", "document.processing", "document.indexed",
                                 "document.error", "meeting.started", "meeting.ended",
                                 "participant.joined", "participant.left", "recording.started",
                                 "query.submitted", "query.answered", "query.error", "exam.started",
                                 "exam.submitted", "exam.graded", "proctor.violation", "page.view",
                                 "feature.used", "error.occurred"));
}

TEST(CatalogTest, FindsATopicByNameAndByType) {
  EXPECT_EQ(Documented().FindTopic("tutor-queries")->family, "tutor_query");
  EXPECT_EQ(Documented().FindTopicOfType("query.error")->name, "tutor-queries");
  EXPECT_EQ(Documented().FindTopicOfType("proctor.violation")->name, "assessment-events");
}

TEST(CatalogTest, FindsNothingWhereThereIsNothing) {
  EXPECT_EQ(Documented().FindTopic(""), nullptr);
  EXPECT_EQ(Documented().FindTopic("Document-events"), nullptr);
  EXPECT_EQ(Documented().FindTopicOfType(""), nullptr);
  EXPECT_EQ(Documented().FindTopicOfType("document"), nullptr);
  EXPECT_EQ(Documented().FindTopicOfType("DOCUMENT_EVENT_TYPE_UPLOADED"), nullptr);
}

TEST(CatalogTest, OutlivesBeingMoved) {
  Catalog first = Catalog::FromPool(*events::v1::Event::descriptor()->file()->pool()).value();
  const Catalog catalog = std::move(first);
  EXPECT_EQ(catalog.FindTopicOfType("page.view"), &catalog.topics()[4]);
}

// A schema of one family, good as it is: a FileDescriptorProto.
constexpr char kGood[] = R"(
  name: "test.proto" package: "test" syntax: "proto3"
  dependency: "eventbus/schema/v1/annotations.proto"
  message_type {
    name: "Event"
    field { name: "lending" number: 3 type_name: ".test.Lending" oneof_index: 0 }
    oneof_decl { name: "family" }
  }
  message_type {
    name: "Lending"
    field { name: "event_type" number: 2 type_name: ".test.LendingType" }
    field {
      name: "book_id" number: 4 type: TYPE_STRING
      options { [eventbus.schema.v1.rules] { required: true } }
    }
    options {
      [eventbus.schema.v1.topic] {
        name: "lendings" partitions: 2 retention_days: 5 key_field: "book_id"
      }
    }
  }
  enum_type {
    name: "LendingType"
    value { name: "NONE" number: 0 options {} }
    value {
      name: "LENT" number: 1
      options { [eventbus.schema.v1.event_type] { wire_name: "book.lent" } }
    }
  }
)";

using Changes = std::vector<std::pair<std::string, std::string>>;

// The catalog of kGood with `changes` made in it.
absl::StatusOr<Catalog> Changed(const Changes& changes, absl::string_view event = "test.Event") {
  for (const auto& [from, to] : changes) EXPECT_THAT(kGood, HasSubstr(from));
  pb::FileDescriptorProto file;
  EXPECT_TRUE(pb::TextFormat::ParseFromString(absl::StrReplaceAll(kGood, changes), &file));
  for (pb::DescriptorProto& message : *file.mutable_message_type()) {
    for (pb::FieldDescriptorProto& field : *message.mutable_field()) {
      if (!field.has_label()) field.set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
    }
  }
  (void)schema::v1::TopicOptions::descriptor();
  // Never freed: the catalog points into it.
  static std::vector<std::unique_ptr<pb::DescriptorPool>> pools;
  pools.push_back(std::make_unique<pb::DescriptorPool>(pb::DescriptorPool::generated_pool()));
  EXPECT_NE(pools.back()->BuildFile(file), nullptr) << file.DebugString();
  return Catalog::FromPool(*pools.back(), event);
}

// What FromPool says of kGood with `changes` made in it.
std::string Refusal(const Changes& changes) {
  const auto catalog = Changed(changes);
  EXPECT_EQ(catalog.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(catalog.status().message());
}

TEST(CatalogFromPoolTest, ReadsAnotherSchema) {
  const auto catalog = Changed({});
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  const Topic* topic = catalog->FindTopicOfType("book.lent");
  ASSERT_NE(topic, nullptr);
  EXPECT_EQ(topic->name, "lendings");
  EXPECT_EQ(topic->family_number, 3);
  EXPECT_EQ(topic->message->full_name(), "test.Lending");
}

TEST(CatalogFromPoolTest, NeedsTheMessage) {
  EXPECT_EQ(Changed({}, "test.Elsewhere").status().message(),
            "schema: test.Elsewhere: no such message");
}

TEST(CatalogFromPoolTest, NeedsOneOneofAndNothingElse) {
  const std::string message =
      "schema: test.Event: must be one oneof of the families and nothing else";
  const std::string family =
      R"(field { name: "lending" number: 3 type_name: ".test.Lending" oneof_index: 0 })";
  const std::string oneof = R"(oneof_decl { name: "family" })";
  EXPECT_EQ(Refusal({{family, family + R"( field { name: "a" number: 1 type: TYPE_STRING })"}}),
            message);
  EXPECT_EQ(Refusal({{oneof, oneof + R"( oneof_decl { name: "other" }
                field { name: "a" number: 1 type: TYPE_STRING oneof_index: 1 })"}}),
            message);
  EXPECT_EQ(Refusal({{"oneof_index: 0", ""}, {oneof, ""}}), message);
  EXPECT_EQ(Refusal({{family, ""}, {oneof, ""}}), message);
}

TEST(CatalogFromPoolTest, NeedsAMessageAsFamily) {
  EXPECT_EQ(Refusal({{R"(type_name: ".test.Lending")", "type: TYPE_STRING"}}),
            "schema: test.Event.lending: is not a message");
}

TEST(CatalogFromPoolTest, NeedsATopic) {
  EXPECT_EQ(Refusal({{R"(type_name: ".test.Lending")", R"(type_name: ".test.Other")"},
                     {"enum_type {", R"(message_type { name: "Other" } enum_type {)"}}),
            "schema: test.Other: has no option eventbus.schema.v1.topic");
}

TEST(CatalogFromPoolTest, NeedsATopicNameThatKafkaTakes) {
  const auto named = [](absl::string_view name) {
    return Refusal({{R"(name: "lendings")", absl::StrCat("name: \"", name, "\"")}});
  };
  EXPECT_EQ(named("a b"),
            "schema: test.Lending: topic name \"a b\": 1-249 characters of [A-Za-z0-9._-]");
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"),
        std::string("\xC3\xBC"), std::string(250, 'a')}) {
    EXPECT_THAT(named(name), HasSubstr("1-249 characters")) << name;
  }
  EXPECT_TRUE(Changed({{"lendings", std::string(249, 'a')}}).ok());
  EXPECT_TRUE(Changed({{"lendings", "..."}}).ok());
  EXPECT_TRUE(Changed({{"lendings", "A.b_c-9"}}).ok());
}

TEST(CatalogFromPoolTest, NeedsPartitionsAndRetention) {
  EXPECT_EQ(Refusal({{"partitions: 2", ""}}), "schema: test.Lending: partitions: at least 1");
  EXPECT_EQ(Refusal({{"partitions: 2", "partitions: -1"}}),
            "schema: test.Lending: partitions: at least 1");
  EXPECT_EQ(Refusal({{"retention_days: 5", ""}}),
            "schema: test.Lending: retention_days: at least 1");
}

TEST(CatalogFromPoolTest, NeedsAStringAsKey) {
  const auto keyed = [](absl::string_view field, absl::string_view type) {
    return Refusal({{R"(key_field: "book_id")", absl::StrCat("key_field: \"", field, "\"")},
                    {"number: 4 type: TYPE_STRING", absl::StrCat("number: 4 ", type)}});
  };
  EXPECT_EQ(keyed("title", "type: TYPE_STRING"),
            "schema: test.Lending: key_field \"title\": not a string field");
  EXPECT_THAT(keyed("", "type: TYPE_STRING"), HasSubstr("key_field \"\": not a string field"));
  EXPECT_THAT(keyed("book_id", "type: TYPE_BYTES"), HasSubstr("not a string field"));
  EXPECT_THAT(keyed("book_id", "type: TYPE_INT64"), HasSubstr("not a string field"));
  EXPECT_THAT(keyed("book_id", "type: TYPE_STRING label: LABEL_REPEATED"),
              HasSubstr("not a string field"));
}

TEST(CatalogFromPoolTest, NeedsTheKeyToBeRequired) {
  EXPECT_EQ(Refusal({{"required: true", ""}}),
            "schema: test.Lending.book_id: the key field must be required");
}

TEST(CatalogFromPoolTest, NeedsAnEnumAsType) {
  const std::string message = "schema: test.Lending: has no enum field event_type";
  EXPECT_EQ(Refusal({{R"(name: "event_type")", R"(name: "kind")"}}), message);
  EXPECT_EQ(Refusal({{R"(type_name: ".test.LendingType")", "type: TYPE_STRING"}}), message);
  EXPECT_EQ(Refusal({{R"(name: "event_type")", R"(name: "event_type" label: LABEL_REPEATED)"}}),
            message);
}

TEST(CatalogFromPoolTest, NeedsATextForEveryTypeButZero) {
  EXPECT_EQ(Refusal({{R"(wire_name: "book.lent")", ""}}),
            "schema: test.LENT: every value but zero needs a wire_name, and zero has none");
  EXPECT_EQ(Refusal({{"options {}", R"(options { [eventbus.schema.v1.event_type] {
                wire_name: "none" } })"}}),
            "schema: test.NONE: every value but zero needs a wire_name, and zero has none");
}

// A second family, of events `type` on `topic`.
Changes WithASecond(absl::string_view topic, absl::string_view type) {
  const std::string second =
      absl::StrCat(R"(
    message_type {
      name: "Loan"
      field { name: "event_type" number: 2 type_name: ".test.LoanType" }
      field {
        name: "id" number: 4 type: TYPE_STRING
        options { [eventbus.schema.v1.rules] { required: true } }
      }
      options {
        [eventbus.schema.v1.topic] {
          name: ")",
                   topic, R"(" partitions: 2 retention_days: 5 key_field: "id"
        }
      }
    }
    enum_type {
      name: "LoanType"
      value { name: "LOAN_NONE" number: 0 }
      value {
        name: "LOAN_LENT" number: 1
        options { [eventbus.schema.v1.event_type] { wire_name: ")",
                   type, R"(" } }
      }
    }
    enum_type {)");
  return {{R"(oneof_decl { name: "family" })",
           R"(field { name: "loan" number: 4 type_name: ".test.Loan" oneof_index: 0 }
              oneof_decl { name: "family" })"},
          {"enum_type {", second}};
}

TEST(CatalogFromPoolTest, NeedsATopicForEachFamily) {
  EXPECT_TRUE(Changed(WithASecond("loans", "loan.lent")).ok());
  EXPECT_EQ(Refusal(WithASecond("lendings", "loan.lent")),
            "schema: test.Event: two families have one topic");
}

TEST(CatalogFromPoolTest, NeedsATextForEachType) {
  EXPECT_EQ(Refusal(WithASecond("loans", "book.lent")),
            "schema: test.Event: two event types have one wire_name");
  const std::string none = R"(value { name: "NONE" number: 0 options {} })";
  EXPECT_EQ(Refusal({{none, none + R"( value {
                name: "BACK" number: 2
                options { [eventbus.schema.v1.event_type] { wire_name: "book.lent" } } })"}}),
            "schema: test.Event: two event types have one wire_name");
}

}  // namespace
}  // namespace eventbus::event
