#include "server/wire/plan.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "eventbus/schema/v1/annotations.pb.h"

namespace eventbus::wire {
namespace {

namespace pb = google::protobuf;
using pb::FieldDescriptor;

constexpr char kExtraJson[] = "extra_json";
constexpr int kExtraJsonNumber = 15;
constexpr int kLengthDelimited = 2;
// An event in a client's message is six levels down, and metadata of 24 levels costs 72 more;
// protobuf's parsers stop at 100.
constexpr int kMaxMessageDepth = 16;
// Bounds MessagePlan::by_number.
constexpr int kMaxFieldNumber = 4095;

template <typename... Parts>
absl::Status Bad(const std::string& where, const Parts&... what) {
  return absl::InvalidArgumentError(absl::StrCat("schema: ", where, ": ", what...));
}

std::string EncodeTag(int number, int wire_type) {
  auto left = (static_cast<std::uint32_t>(number) << 3) | static_cast<std::uint32_t>(wire_type);
  std::string tag;
  for (; left > 0x7f; left >>= 7) tag.push_back(static_cast<char>((left & 0x7f) | 0x80));
  tag.push_back(static_cast<char>(left));
  return tag;
}

int WireTypeOf(FieldKind kind) {
  switch (kind) {
    case FieldKind::kBool:
    case FieldKind::kInt64:
    case FieldKind::kEnum:
      return 0;
    case FieldKind::kDouble:
      return 1;
    default:
      return kLengthDelimited;
  }
}

FieldKind KindOfMessage(const pb::Descriptor& message) {
  if (message.full_name() == "google.protobuf.Timestamp") return FieldKind::kTimestamp;
  if (message.full_name() == "google.protobuf.Struct") return FieldKind::kStruct;
  if (message.full_name() == "google.protobuf.Value") return FieldKind::kValue;
  return FieldKind::kMessage;
}

absl::StatusOr<FieldKind> KindOf(const FieldDescriptor& field) {
  if (field.is_map()) return Bad(field.full_name(), "a map has no form here, use a Struct");
  switch (field.type()) {
    case FieldDescriptor::TYPE_STRING:
      return FieldKind::kString;
    case FieldDescriptor::TYPE_BOOL:
      return FieldKind::kBool;
    case FieldDescriptor::TYPE_INT64:
      return FieldKind::kInt64;
    case FieldDescriptor::TYPE_DOUBLE:
      return FieldKind::kDouble;
    case FieldDescriptor::TYPE_ENUM:
      return FieldKind::kEnum;
    case FieldDescriptor::TYPE_MESSAGE:
      return KindOfMessage(*field.message_type());
    default:
      return Bad(field.full_name(), "type ", field.type_name(),
                 ", one of string, bool, int64, double, enum, message is allowed");
  }
}

// What no FieldPlan can express.
absl::Status CheckShape(const FieldDescriptor& field, FieldKind kind) {
  if (field.number() > kMaxFieldNumber) {
    return Bad(field.full_name(), "number ", field.number(), ", at most ", kMaxFieldNumber);
  }
  if (field.real_containing_oneof() != nullptr) {
    return Bad(field.full_name(), "a member of a oneof, which only the families may be");
  }
  if (field.is_repeated()) {
    if (kind == FieldKind::kEnum || kind == FieldKind::kTimestamp || kind == FieldKind::kStruct ||
        kind == FieldKind::kMessage) {
      return Bad(field.full_name(),
                 "repeated, which string, bool, int64, double and Value alone may be");
    }
    return absl::OkStatus();
  }
  if (!field.has_presence() && kind != FieldKind::kEnum) {
    return Bad(field.full_name(), "a scalar without presence, write `optional`");
  }
  return absl::OkStatus();
}

FieldRole RoleOf(absl::string_view name) {
  if (name == "event_id") return FieldRole::kEventId;
  if (name == "event_type") return FieldRole::kEventType;
  if (name == "timestamp") return FieldRole::kTimestamp;
  return FieldRole::kNone;
}

int IndexOf(const MessagePlan& message, absl::string_view name, FieldKind kind) {
  const auto found = message.by_name.find(name);
  if (found == message.by_name.end()) return -1;
  const FieldPlan& field = message.fields[static_cast<std::size_t>(found->second)];
  return field.kind == kind && !field.repeated ? found->second : -1;
}

}  // namespace

class PlanCompiler {
 public:
  explicit PlanCompiler(Plan& plan) : plan_(plan) {}

  absl::Status AddFamily(const event::Topic& topic) {
    auto message = CompileMessage(*topic.message, 1);
    if (!message.ok()) return message.status();
    FamilyPlan family;
    family.topic = &topic;
    family.message = *message;
    family.event_tag = EncodeTag(topic.family_number, kLengthDelimited);
    absl::Status assigned = AssignRoles(**message, family);
    if (!assigned.ok()) return assigned;
    plan_.by_topic_.emplace(topic.name, plan_.families_.size());
    for (const event::EventType& type : topic.types) {
      plan_.by_type_.emplace(type.wire_name, plan_.families_.size());
    }
    plan_.families_.push_back(std::move(family));
    return absl::OkStatus();
  }

 private:
  // Every use of a message has a plan of its own: only a family's own fields have roles.
  absl::StatusOr<MessagePlan*> CompileMessage(const pb::Descriptor& message, int depth) {
    if (message.file()->syntax() != pb::FileDescriptor::SYNTAX_PROTO3) {
      return Bad(message.full_name(), "not in a proto3 file");
    }
    if (depth > kMaxMessageDepth) {
      return Bad(message.full_name(), "messages nested deeper than ", kMaxMessageDepth,
                 ", or in themselves");
    }
    auto plan = std::make_unique<MessagePlan>();
    plan->full_name = message.full_name();
    absl::Status extra = FindExtraJson(message, *plan);
    if (!extra.ok()) return extra;
    for (int i = 0; i < message.field_count(); ++i) {
      if (message.field(i)->number() == plan->extra_json_number) continue;
      auto field = CompileField(*message.field(i), depth);
      if (!field.ok()) return field.status();
      AddField(*std::move(field), *plan);
    }
    plan_.messages_.push_back(std::move(plan));
    return plan_.messages_.back().get();
  }

  static absl::Status FindExtraJson(const pb::Descriptor& message, MessagePlan& plan) {
    const FieldDescriptor* field = message.FindFieldByName(kExtraJson);
    if (field == nullptr || field->number() != kExtraJsonNumber ||
        field->type() != FieldDescriptor::TYPE_STRING || field->is_repeated() ||
        field->real_containing_oneof() != nullptr) {
      return Bad(message.full_name(), "has no field string extra_json = 15");
    }
    plan.extra_json_number = field->number();
    plan.extra_json_tag = EncodeTag(field->number(), kLengthDelimited);
    return absl::OkStatus();
  }

  static void AddField(FieldPlan field, MessagePlan& plan) {
    const auto number = static_cast<std::size_t>(field.number);
    if (plan.by_number.size() <= number) plan.by_number.resize(number + 1, -1);
    plan.by_number[number] = static_cast<std::int16_t>(plan.fields.size());
    plan.by_name.emplace(field.name, static_cast<int>(plan.fields.size()));
    plan.fields.push_back(std::move(field));
  }

  absl::StatusOr<FieldPlan> CompileField(const FieldDescriptor& field, int depth) {
    const auto kind = KindOf(field);
    if (!kind.ok()) return kind.status();
    absl::Status shape = CheckShape(field, *kind);
    if (!shape.ok()) return shape;
    const schema::v1::FieldRules& rules = field.options().GetExtension(schema::v1::rules);
    if (rules.uuid() && *kind != FieldKind::kString) {
      return Bad(field.full_name(), "uuid, which only a string may be");
    }
    FieldPlan plan;
    plan.number = field.number();
    plan.kind = *kind;
    plan.repeated = field.is_repeated();
    plan.required = rules.required();
    plan.uuid = rules.uuid();
    plan.name = field.name();
    plan.json_name = absl::StrCat("\"", field.name(), "\":");
    plan.tag = EncodeTag(field.number(), WireTypeOf(*kind));
    absl::Status linked = LinkType(field, depth, plan);
    if (!linked.ok()) return linked;
    return plan;
  }

  absl::Status LinkType(const FieldDescriptor& field, int depth, FieldPlan& plan) {
    if (plan.kind == FieldKind::kMessage) {
      auto message = CompileMessage(*field.message_type(), depth + 1);
      if (!message.ok()) return message.status();
      plan.message = *message;
    }
    if (plan.kind == FieldKind::kEnum) {
      auto enumeration = CompileEnum(*field.enum_type());
      if (!enumeration.ok()) return enumeration.status();
      plan.enumeration = *enumeration;
    }
    return absl::OkStatus();
  }

  // The zero value has no text, and an empty text no number.
  absl::StatusOr<const EnumPlan*> CompileEnum(const pb::EnumDescriptor& enumeration) {
    auto plan = std::make_unique<EnumPlan>();
    for (int i = 0; i < enumeration.value_count(); ++i) {
      const pb::EnumValueDescriptor& value = *enumeration.value(i);
      const std::string& text = value.options().GetExtension(schema::v1::event_type).wire_name();
      if ((value.number() == 0) != text.empty()) {
        return Bad(value.full_name(), "every value but zero needs a wire_name, and zero has none");
      }
      if (value.number() == 0) continue;
      if (!plan->text_of.emplace(value.number(), text).second ||
          !plan->number_of.emplace(text, value.number()).second) {
        return Bad(value.full_name(), "has the number or the wire_name of another value");
      }
    }
    plan_.enums_.push_back(std::move(plan));
    return plan_.enums_.back().get();
  }

  static absl::Status AssignRoles(MessagePlan& message, FamilyPlan& family) {
    family.event_id = IndexOf(message, "event_id", FieldKind::kString);
    family.event_type = IndexOf(message, "event_type", FieldKind::kEnum);
    family.timestamp = IndexOf(message, "timestamp", FieldKind::kTimestamp);
    family.key = IndexOf(message, family.topic->key_field->name(), FieldKind::kString);
    if (family.event_id < 0) return Bad(message.full_name, "has no string event_id");
    if (family.event_type < 0) return Bad(message.full_name, "has no enum event_type");
    if (family.timestamp < 0) return Bad(message.full_name, "has no Timestamp timestamp");
    if (family.key < 0) return Bad(message.full_name, "has no string for its key_field");
    for (FieldPlan& field : message.fields) field.role = RoleOf(field.name);
    message.fields[static_cast<std::size_t>(family.key)].key = true;
    return absl::OkStatus();
  }

  Plan& plan_;
};

absl::StatusOr<std::unique_ptr<const Plan>> Plan::Compile(const event::Catalog& catalog) {
  std::unique_ptr<Plan> plan(new Plan());
  PlanCompiler compiler(*plan);
  for (const event::Topic& topic : catalog.topics()) {
    absl::Status added = compiler.AddFamily(topic);
    if (!added.ok()) return added;
  }
  return std::unique_ptr<const Plan>(std::move(plan));
}

const FamilyPlan* Plan::FindByNumber(int event_field) const {
  for (const FamilyPlan& family : families_) {
    if (family.topic->family_number == event_field) return &family;
  }
  return nullptr;
}

const FamilyPlan* Plan::FindByTopic(absl::string_view topic) const {
  const auto found = by_topic_.find(topic);
  return found == by_topic_.end() ? nullptr : &families_[found->second];
}

const FamilyPlan* Plan::FindByType(absl::string_view wire_name) const {
  const auto found = by_type_.find(wire_name);
  return found == by_type_.end() ? nullptr : &families_[found->second];
}

}  // namespace eventbus::wire
