#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/message.h"
#include "server/event/catalog.h"

namespace eventbus::reference {

// A pool's events: its catalog, and messages to hold them, made without any generated class.
class Schema {
 public:
  // `pool` must have a valid catalog, and outlive the schema.
  explicit Schema(const google::protobuf::DescriptorPool& pool);

  const event::Catalog& catalog() const { return catalog_; }

  // Aborts where there is no such topic.
  const event::Topic& topic(absl::string_view name) const;
  // Null where no family is set.
  const event::Topic* TopicOf(const google::protobuf::Message& event) const;

  // An empty Event.
  std::unique_ptr<google::protobuf::Message> NewEvent() const;

  // The Event that protobuf's own parser reads from `bytes`; null where it refuses them.
  std::unique_ptr<google::protobuf::Message> Parse(absl::string_view bytes) const;

 private:
  event::Catalog catalog_;
  const google::protobuf::Message* prototype_ = nullptr;
  std::unique_ptr<google::protobuf::DynamicMessageFactory> factory_;
};

}  // namespace eventbus::reference
