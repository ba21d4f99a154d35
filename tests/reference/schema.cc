#include "tests/reference/schema.h"

#include <cstdlib>

#include "google/protobuf/stubs/logging.h"

namespace eventbus::reference {

namespace pb = google::protobuf;

Schema::Schema(const pb::DescriptorPool& pool)
    : catalog_(event::Catalog::FromPool(pool).value()),
      factory_(std::make_unique<pb::DynamicMessageFactory>()) {
  // Bytes that protobuf refuses are half of what is tried.
  pb::SetLogHandler(nullptr);
  prototype_ = factory_->GetPrototype(pool.FindMessageTypeByName(event::Catalog::kEventMessage));
}

const event::Topic& Schema::topic(absl::string_view name) const {
  const event::Topic* topic = catalog_.FindTopic(name);
  if (topic == nullptr) std::abort();
  return *topic;
}

const event::Topic* Schema::TopicOf(const pb::Message& event) const {
  for (const event::Topic& topic : catalog_.topics()) {
    const pb::FieldDescriptor* family =
        event.GetDescriptor()->FindFieldByNumber(topic.family_number);
    if (event.GetReflection()->HasField(event, family)) return &topic;
  }
  return nullptr;
}

std::unique_ptr<pb::Message> Schema::NewEvent() const {
  return std::unique_ptr<pb::Message>(prototype_->New());
}

std::unique_ptr<pb::Message> Schema::Parse(absl::string_view bytes) const {
  std::unique_ptr<pb::Message> event = NewEvent();
  if (!event->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return nullptr;
  return event;
}

}  // namespace eventbus::reference
