#include "server/event/catalog.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "eventbus/schema/v1/annotations.pb.h"

namespace eventbus::event {
namespace {

namespace pb = google::protobuf;

constexpr char kTypeField[] = "event_type";

template <typename... Parts>
absl::Status Bad(const std::string& where, const Parts&... what) {
  return absl::InvalidArgumentError(absl::StrCat("schema: ", where, ": ", what...));
}

bool IsTopicName(absl::string_view name) {
  if (name.empty() || name.size() > 249 || name == "." || name == "..") return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-') return false;
  }
  return true;
}

absl::StatusOr<std::vector<EventType>> ReadTypes(const pb::Descriptor& message) {
  const pb::FieldDescriptor* field = message.FindFieldByName(kTypeField);
  if (field == nullptr || field->enum_type() == nullptr || field->is_repeated()) {
    return Bad(message.full_name(), "has no enum field ", kTypeField);
  }
  std::vector<EventType> types;
  for (int i = 0; i < field->enum_type()->value_count(); ++i) {
    const pb::EnumValueDescriptor& value = *field->enum_type()->value(i);
    const std::string& text = value.options().GetExtension(schema::v1::event_type).wire_name();
    if ((value.number() == 0) != text.empty()) {
      return Bad(value.full_name(), "every value but zero needs a wire_name, and zero has none");
    }
    if (value.number() != 0) types.push_back({text, value.number()});
  }
  return types;
}

absl::StatusOr<Topic> ReadTopic(const pb::FieldDescriptor& family) {
  if (family.message_type() == nullptr) return Bad(family.full_name(), "is not a message");
  const pb::Descriptor& message = *family.message_type();
  if (!message.options().HasExtension(schema::v1::topic)) {
    return Bad(message.full_name(), "has no option eventbus.schema.v1.topic");
  }
  const schema::v1::TopicOptions& options = message.options().GetExtension(schema::v1::topic);
  if (!IsTopicName(options.name())) {
    return Bad(message.full_name(), "topic name \"", options.name(),
               "\": 1-249 characters of [A-Za-z0-9._-]");
  }
  if (options.partitions() < 1) return Bad(message.full_name(), "partitions: at least 1");
  if (options.retention_days() < 1) return Bad(message.full_name(), "retention_days: at least 1");
  Topic topic;
  topic.name = options.name();
  topic.partitions = options.partitions();
  topic.retention = absl::Hours(24) * options.retention_days();
  topic.family = family.name();
  topic.family_number = family.number();
  topic.message = &message;
  topic.key_field = message.FindFieldByName(options.key_field());
  if (topic.key_field == nullptr || topic.key_field->type() != pb::FieldDescriptor::TYPE_STRING ||
      topic.key_field->is_repeated()) {
    return Bad(message.full_name(), "key_field \"", options.key_field(), "\": not a string field");
  }
  if (!topic.key_field->options().GetExtension(schema::v1::rules).required()) {
    return Bad(topic.key_field->full_name(), "the key field must be required");
  }
  auto types = ReadTypes(message);
  if (!types.ok()) return types.status();
  topic.types = *std::move(types);
  return topic;
}

}  // namespace

absl::StatusOr<Catalog> Catalog::FromPool(const pb::DescriptorPool& pool, absl::string_view event) {
  const pb::Descriptor* message = pool.FindMessageTypeByName(std::string(event));
  if (message == nullptr) return Bad(std::string(event), "no such message");
  if (message->real_oneof_decl_count() != 1 ||
      message->oneof_decl(0)->field_count() != message->field_count() ||
      message->field_count() == 0) {
    return Bad(message->full_name(), "must be one oneof of the families and nothing else");
  }
  std::vector<Topic> topics;
  for (int i = 0; i < message->field_count(); ++i) {
    auto topic = ReadTopic(*message->field(i));
    if (!topic.ok()) return topic.status();
    topics.push_back(*std::move(topic));
  }
  Catalog catalog(std::move(topics));
  std::size_t types = 0;
  for (const Topic& topic : catalog.topics_) types += topic.types.size();
  if (catalog.by_name_.size() != catalog.topics_.size()) {
    return Bad(message->full_name(), "two families have one topic");
  }
  if (catalog.by_type_.size() != types) {
    return Bad(message->full_name(), "two event types have one wire_name");
  }
  return catalog;
}

Catalog::Catalog(std::vector<Topic> topics) : topics_(std::move(topics)) {
  for (std::size_t i = 0; i < topics_.size(); ++i) {
    by_name_.emplace(topics_[i].name, i);
    for (const EventType& type : topics_[i].types) by_type_.emplace(type.wire_name, i);
  }
}

const Topic* Catalog::FindTopic(absl::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &topics_[found->second];
}

const Topic* Catalog::FindTopicOfType(absl::string_view wire_name) const {
  const auto found = by_type_.find(wire_name);
  return found == by_type_.end() ? nullptr : &topics_[found->second];
}

}  // namespace eventbus::event
