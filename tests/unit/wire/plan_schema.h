#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "eventbus/schema/v1/annotations.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "gtest/gtest.h"
#include "server/event/catalog.h"
#include "server/wire/plan.h"

// A small schema that a test changes before it is compiled.
namespace eventbus::wire {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptorProto;

inline constexpr char kTimestamp[] = "google.protobuf.Timestamp";
inline constexpr char kStruct[] = "google.protobuf.Struct";
inline constexpr char kValue[] = "google.protobuf.Value";

// A field of a built-in type.
inline Field& Add(pb::DescriptorProto& message, const std::string& name, int number,
                  Field::Type type) {
  Field& field = *message.add_field();
  field.set_name(name);
  field.set_number(number);
  field.set_type(type);
  field.set_label(Field::LABEL_OPTIONAL);
  return field;
}

// A field of a type with a name.
inline Field& Add(pb::DescriptorProto& message, const std::string& name, int number,
                  const std::string& type) {
  Field& field = Add(message, name, number, Field::TYPE_MESSAGE);
  field.clear_type();
  field.set_type_name(type);
  return field;
}

// As protoc writes `optional`.
inline Field& Optional(pb::DescriptorProto& message, const std::string& name, int number,
                       Field::Type type) {
  Field& field = Add(message, name, number, type);
  field.set_proto3_optional(true);
  field.set_oneof_index(message.oneof_decl_size());
  message.add_oneof_decl()->set_name("_" + name);
  return field;
}

inline void MakeRepeated(Field& field) { field.set_label(Field::LABEL_REPEATED); }

inline schema::v1::FieldRules& RulesOf(Field& field) {
  return *field.mutable_options()->MutableExtension(schema::v1::rules);
}

// A type that the schema does not have yet.
inline pb::DescriptorProto& AddMessage(pb::FileDescriptorProto& file, const std::string& name) {
  pb::DescriptorProto& message = *file.add_message_type();
  message.set_name(name);
  return message;
}

inline pb::EnumDescriptorProto& AddEnum(pb::FileDescriptorProto& file, const std::string& name,
                                        const std::string& value, const std::string& text) {
  pb::EnumDescriptorProto& type = *file.add_enum_type();
  type.set_name(name);
  type.add_value()->set_name("NO_" + value);
  type.mutable_value(0)->set_number(0);
  pb::EnumValueDescriptorProto& made = *type.add_value();
  made.set_name(value);
  made.set_number(1);
  if (!text.empty()) {
    made.mutable_options()->MutableExtension(schema::v1::event_type)->set_wire_name(text);
  }
  return type;
}

// What a test changes in the schema below.
using Edit = std::function<void(pb::FileDescriptorProto& file, pb::DescriptorProto& family,
                                pb::DescriptorProto& payload)>;

// A schema of one family, `t.Thing`, with an empty payload, `t.Payload`.
class Schema {
 public:
  explicit Schema(const Edit& edit) : pool_(pb::DescriptorPool::generated_pool()) {
    pb::FileDescriptorProto file;
    file.set_name("t.proto");
    file.set_package("t");
    file.set_syntax("proto3");
    file.add_dependency("eventbus/schema/v1/annotations.proto");
    file.add_dependency("google/protobuf/struct.proto");
    file.add_dependency("google/protobuf/timestamp.proto");
    AddEnum(file, "Type", "MADE", "made");
    pb::DescriptorProto& event = AddMessage(file, "Event");
    event.add_oneof_decl()->set_name("family");
    Add(event, "thing", 1, std::string("t.Thing")).set_oneof_index(0);
    pb::DescriptorProto payload;
    payload.set_name("Payload");
    Add(payload, "extra_json", 15, Field::TYPE_STRING);
    pb::DescriptorProto family = Family();
    edit(file, family, payload);
    *file.add_message_type() = family;
    *file.add_message_type() = payload;
    EXPECT_NE(pool_.BuildFile(file), nullptr) << file.DebugString();
  }

  absl::Status Compile() {
    auto catalog = event::Catalog::FromPool(pool_, "t.Event");
    if (!catalog.ok()) return catalog.status();
    catalog_ = std::make_unique<event::Catalog>(*std::move(catalog));
    auto plan = Plan::Compile(*catalog_);
    if (!plan.ok()) return plan.status();
    plan_ = *std::move(plan);
    return absl::OkStatus();
  }

  // After Compile.
  const FamilyPlan& family() const { return plan_->families().front(); }
  const MessagePlan& payload() const { return *family().message->fields.back().message; }

 private:
  static pb::DescriptorProto Family() {
    pb::DescriptorProto family;
    family.set_name("Thing");
    auto& topic = *family.mutable_options()->MutableExtension(schema::v1::topic);
    topic.set_name("things");
    topic.set_partitions(1);
    topic.set_retention_days(1);
    topic.set_key_field("id");
    Optional(family, "event_id", 1, Field::TYPE_STRING);
    Add(family, "event_type", 2, std::string("t.Type"));
    Add(family, "timestamp", 3, std::string(kTimestamp));
    RulesOf(Optional(family, "id", 4, Field::TYPE_STRING)).set_required(true);
    Add(family, "payload", 10, std::string("t.Payload"));
    Add(family, "extra_json", 15, Field::TYPE_STRING);
    return family;
  }

  pb::DescriptorPool pool_;
  std::unique_ptr<event::Catalog> catalog_;
  std::unique_ptr<const Plan> plan_;
};

}  // namespace eventbus::wire
