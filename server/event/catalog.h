#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"

namespace eventbus::event {

// A type of event, such as `document.uploaded`.
struct EventType {
  std::string wire_name;
  // Its value in the family's enum.
  int number = 0;
};

// A Kafka topic and the event family that it carries.
struct Topic {
  std::string name;
  std::int32_t partitions = 0;
  absl::Duration retention;
  // The family's field in the Event message.
  std::string family;
  int family_number = 0;
  const google::protobuf::Descriptor* message = nullptr;
  // The top-level field whose value is the record's key.
  const google::protobuf::FieldDescriptor* key_field = nullptr;
  // In the order of the enum; the zero value is not among them.
  std::vector<EventType> types;
};

// What the schema says of topics and types, read from descriptors. Immutable; thread-safe.
class Catalog {
 public:
  static constexpr char kEventMessage[] = "eventbus.events.v1.Event";

  // Reads the message `event` of `pool`, whose one oneof lists the families. The pool must outlive
  // the catalog. InvalidArgument, with the descriptor's name, where an annotation is missing, out
  // of range or ambiguous.
  static absl::StatusOr<Catalog> FromPool(const google::protobuf::DescriptorPool& pool,
                                          absl::string_view event = kEventMessage);

  // In the order of the families' fields.
  const std::vector<Topic>& topics() const { return topics_; }

  // Null where there is none.
  const Topic* FindTopic(absl::string_view name) const;
  const Topic* FindTopicOfType(absl::string_view wire_name) const;

 private:
  explicit Catalog(std::vector<Topic> topics);

  std::vector<Topic> topics_;
  absl::flat_hash_map<std::string, std::size_t> by_name_;
  absl::flat_hash_map<std::string, std::size_t> by_type_;
};

}  // namespace eventbus::event
