#pragma once

#include <memory>
#include <string>

#include "eventbus/events/v1/event.pb.h"
#include "server/event/catalog.h"
#include "server/wire/plan.h"

namespace eventbus::fakes {

// The project's own schema, compiled once; lives for ever.
struct Schema {
  event::Catalog catalog;
  std::unique_ptr<const wire::Plan> plan;

  static const Schema& Get() {
    static const Schema& schema = *Make();
    return schema;
  }

 private:
  static Schema* Make() {
    const auto* pool = events::v1::Event::descriptor()->file()->pool();
    auto* schema = new Schema{event::Catalog::FromPool(*pool).value(), nullptr};
    schema->plan = wire::Plan::Compile(schema->catalog).value();
    return schema;
  }
};

// A documented event's JSON, `n` in its ids and its file name.
inline std::string DocumentJson(int n, const std::string& type = "document.uploaded") {
  const std::string id = "00000000-0000-4000-8000-" +
                         std::string(12 - std::to_string(n).size(), '0') + std::to_string(n);
  return R"({"event_id":")" + id + R"(","event_type":")" + type +
         R"(","timestamp":"2024-01-01T10:00:00Z","document_id":")" + id + R"(","classroom_id":")" +
         id + R"(","user_id":")" + id + R"(","payload":{"filename":"f)" + std::to_string(n) +
         R"(","file_size":1,"status":"uploaded"}})";
}

}  // namespace eventbus::fakes
