#include "server/wire/plan.h"

#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/unit/wire/decode_support.h"
#include "tests/unit/wire/plan_schema.h"

namespace eventbus::wire {
namespace {

// An edit of the payload alone.
Edit InPayload(const std::function<void(pb::DescriptorProto& payload)>& edit) {
  return [edit](pb::FileDescriptorProto&, pb::DescriptorProto&, pb::DescriptorProto& payload) {
    edit(payload);
  };
}

void ExpectRefused(const Edit& edit, const std::string& message) {
  EXPECT_EQ(Schema(edit).Compile().message(), message);
}

TEST(PlanTest, FindsFamiliesByNumberTopicAndType) {
  const Plan& plan = DocumentedPlan();
  ASSERT_EQ(plan.families().size(), 5u);
  EXPECT_EQ(plan.FindByNumber(2)->topic->name, "meeting-events");
  EXPECT_EQ(plan.FindByTopic("tutor-queries")->topic->family, "tutor_query");
  EXPECT_EQ(plan.FindByType("exam.graded")->topic->name, "assessment-events");
  EXPECT_EQ(plan.FindByNumber(6), nullptr);
  EXPECT_EQ(plan.FindByTopic("x"), nullptr);
}

TEST(PlanTest, NoFamilyHasTheEmptyType) { EXPECT_EQ(DocumentedPlan().FindByType(""), nullptr); }

TEST(PlanTest, TheZeroValueHasNoTextAndTheEmptyTextNoNumber) {
  const FamilyPlan& family = *DocumentedPlan().FindByTopic("document-events");
  const EnumPlan& types =
      *family.message->fields[static_cast<std::size_t>(family.event_type)].enumeration;
  EXPECT_EQ(types.text_of.count(0), 0u);
  EXPECT_EQ(types.number_of.count(""), 0u);
  EXPECT_EQ(types.number_of.at("document.error"), 4);
}

TEST(PlanTest, FieldsStandInTheDocumentedOrderWithoutExtraJson) {
  const MessagePlan& message = *DocumentedPlan().FindByTopic("document-events")->message;
  std::string names;
  for (const FieldPlan& field : message.fields) absl::StrAppend(&names, field.json_name);
  EXPECT_EQ(
      names,
      R"("event_id":"event_type":"timestamp":"document_id":"classroom_id":"user_id":"payload":)");
  EXPECT_EQ(message.extra_json_number, 15);
  EXPECT_EQ(message.extra_json_tag, "\x7a");
}

TEST(PlanTest, KnowsRolesKeysAndRules) {
  const FamilyPlan& family = *DocumentedPlan().FindByTopic("document-events");
  const auto field = [&](int index) -> const FieldPlan& {
    return family.message->fields[static_cast<std::size_t>(index)];
  };
  EXPECT_EQ(field(family.event_id).role, FieldRole::kEventId);
  EXPECT_EQ(field(family.event_type).role, FieldRole::kEventType);
  EXPECT_EQ(field(family.timestamp).role, FieldRole::kTimestamp);
  EXPECT_EQ(field(family.key).name, "document_id");
  EXPECT_TRUE(field(family.key).key && field(family.key).required && field(family.key).uuid);
  EXPECT_FALSE(field(family.event_id).required);
}

TEST(PlanTest, ANestedEventIdHasNoRole) {
  Schema schema(
      InPayload([](auto& payload) { Optional(payload, "event_id", 1, Field::TYPE_STRING); }));
  ASSERT_TRUE(schema.Compile().ok());
  EXPECT_EQ(schema.payload().fields[0].role, FieldRole::kNone);
}

TEST(PlanTest, TagsAreEncoded) {
  Schema schema(InPayload([](auto& payload) {
    Optional(payload, "a", 1, Field::TYPE_DOUBLE);
    MakeRepeated(Add(payload, "b", 300, Field::TYPE_INT64));
  }));
  ASSERT_TRUE(schema.Compile().ok());
  EXPECT_EQ(schema.payload().fields[0].tag, "\x09");
  EXPECT_EQ(schema.payload().fields[1].tag, "\xe0\x12");
  EXPECT_EQ(schema.payload().by_number[300], 1);
  EXPECT_EQ(schema.payload().by_number[15], -1);
}

TEST(PlanTest, CarriesEveryKindOfField) {
  Schema schema([](auto& file, auto&, auto& payload) {
    Add(AddMessage(file, "Inner"), "extra_json", 15, Field::TYPE_STRING);
    int number = 20;
    for (const auto type :
         {Field::TYPE_STRING, Field::TYPE_BOOL, Field::TYPE_INT64, Field::TYPE_DOUBLE}) {
      Optional(payload, absl::StrCat("one", number), number, type);
      ++number;
      MakeRepeated(Add(payload, absl::StrCat("many", number), number, type));
      ++number;
    }
    for (const char* type : {"t.Type", "t.Inner", kTimestamp, kStruct, kValue}) {
      Add(payload, absl::StrCat("named", number), number, std::string(type));
      ++number;
    }
    MakeRepeated(Add(payload, "values", number, std::string(kValue)));
  });
  EXPECT_EQ(schema.Compile(), absl::OkStatus());
}

TEST(PlanTest, RefusesOtherTypes) {
  for (const auto& [type, name] :
       {std::pair{Field::TYPE_INT32, "int32"}, std::pair{Field::TYPE_BYTES, "bytes"}}) {
    ExpectRefused(InPayload([t = type](auto& payload) { Optional(payload, "a", 1, t); }),
                  absl::StrCat("schema: t.Payload.a: type ", name,
                               ", one of string, bool, int64, double, enum, message is allowed"));
  }
}

TEST(PlanTest, RefusesMaps) {
  ExpectRefused(InPayload([](auto& payload) {
                  pb::DescriptorProto& entry = *payload.add_nested_type();
                  entry.set_name("AEntry");
                  entry.mutable_options()->set_map_entry(true);
                  Add(entry, "key", 1, Field::TYPE_STRING);
                  Add(entry, "value", 2, Field::TYPE_STRING);
                  MakeRepeated(Add(payload, "a", 1, std::string("t.Payload.AEntry")));
                }),
                "schema: t.Payload.a: a map has no form here, use a Struct");
}

TEST(PlanTest, RefusesScalarsWithoutPresence) {
  ExpectRefused(InPayload([](auto& payload) { Add(payload, "a", 1, Field::TYPE_INT64); }),
                "schema: t.Payload.a: a scalar without presence, write `optional`");
}

TEST(PlanTest, RefusesOneofs) {
  ExpectRefused(InPayload([](auto& payload) {
                  payload.add_oneof_decl()->set_name("x");
                  Add(payload, "a", 1, Field::TYPE_STRING).set_oneof_index(0);
                }),
                "schema: t.Payload.a: a member of a oneof, which only the families may be");
}

TEST(PlanTest, RefusesRepeatedMessagesAndEnums) {
  for (const char* type : {"t.Type", "t.Inner", kTimestamp, kStruct}) {
    ExpectRefused(
        [type](auto& file, auto&, auto& payload) {
          Add(AddMessage(file, "Inner"), "extra_json", 15, Field::TYPE_STRING);
          MakeRepeated(Add(payload, "a", 1, std::string(type)));
        },
        "schema: t.Payload.a: repeated, which string, bool, int64, double and Value alone may be");
  }
}

TEST(PlanTest, RefusesAMessageWithoutExtraJson) {
  for (const int number : {14, 15}) {
    ExpectRefused(
        [number](auto& file, auto&, auto& payload) {
          const bool text = number != 15;
          Add(AddMessage(file, "Inner"), "extra_json", number,
              text ? Field::TYPE_STRING : Field::TYPE_BYTES);
          Add(payload, "a", 1, std::string("t.Inner"));
        },
        "schema: t.Inner: has no field string extra_json = 15");
  }
}

TEST(PlanTest, RefusesAnEnumValueWithoutAText) {
  ExpectRefused(
      [](auto& file, auto&, auto& payload) {
        AddEnum(file, "Color", "RED", "");
        Add(payload, "a", 1, std::string("t.Color"));
      },
      "schema: t.RED: every value but zero needs a wire_name, and zero has none");
}

TEST(PlanTest, RefusesMessagesInThemselves) {
  ExpectRefused(InPayload([](auto& payload) { Add(payload, "a", 1, std::string("t.Payload")); }),
                "schema: t.Payload: messages nested deeper than 16, or in themselves");
}

TEST(PlanTest, RefusesHighFieldNumbers) {
  ExpectRefused(InPayload([](auto& payload) { Optional(payload, "a", 4096, Field::TYPE_STRING); }),
                "schema: t.Payload.a: number 4096, at most 4095");
}

TEST(PlanTest, RefusesAUuidThatIsNoString) {
  ExpectRefused(InPayload([](auto& payload) {
                  RulesOf(Optional(payload, "a", 1, Field::TYPE_INT64)).set_uuid(true);
                }),
                "schema: t.Payload.a: uuid, which only a string may be");
}

TEST(PlanTest, RefusesAFamilyWithoutItsOwnFields) {
  const auto renamed = [](int field) {
    return [field](auto&, auto& family, auto&) { family.mutable_field(field)->set_name("other"); };
  };
  ExpectRefused(renamed(0), "schema: t.Thing: has no string event_id");
  ExpectRefused(renamed(2), "schema: t.Thing: has no Timestamp timestamp");
}

}  // namespace
}  // namespace eventbus::wire
