#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/event/catalog.h"

namespace eventbus::wire {

// How a field stands in JSON and on protobuf's wire.
enum class FieldKind : std::uint8_t {
  kString,
  kBool,
  kInt64,
  kDouble,
  kEnum,       // JSON: its wire_name
  kTimestamp,  // google.protobuf.Timestamp
  kMessage,    // JSON: an object
  kStruct,     // google.protobuf.Struct
  kValue,      // google.protobuf.Value
};

// What the server has to do with a field besides copying it.
enum class FieldRole : std::uint8_t {
  kNone,
  kEventId,    // assigned where unset; `event_id`
  kEventType,  // `event_type`
  kTimestamp,  // assigned where unset; `timestamp`
};

struct EnumPlan {
  // By number; empty: no such number.
  absl::flat_hash_map<int, std::string> text_of;
  absl::flat_hash_map<std::string, int> number_of;
};

struct MessagePlan;

struct FieldPlan {
  int number = 0;
  FieldKind kind = FieldKind::kString;
  FieldRole role = FieldRole::kNone;
  bool repeated = false;
  bool required = false;
  bool uuid = false;
  bool key = false;                       // the record's key
  std::string name;                       // the JSON member's
  std::string json_name;                  // `"name":`
  std::string tag;                        // the encoded tag of one value (not packed)
  const MessagePlan* message = nullptr;   // kMessage
  const EnumPlan* enumeration = nullptr;  // kEnum
};

// One JSON object.
struct MessagePlan {
  std::string full_name;
  // In the documented order, extra_json not among them.
  std::vector<FieldPlan> fields;
  // The field that keeps what fits nowhere else.
  int extra_json_number = 0;
  std::string extra_json_tag;
  // Indices into `fields`.
  absl::flat_hash_map<std::string, int> by_name;
  // By field number, up to the highest; -1: none.
  std::vector<std::int16_t> by_number;
};

// One event family: a topic and the message whose JSON it carries.
struct FamilyPlan {
  const event::Topic* topic = nullptr;
  const MessagePlan* message = nullptr;
  // The encoded tag of the family's field in Event.
  std::string event_tag;
  // Indices into `message->fields`.
  int event_id = -1;
  int event_type = -1;
  int timestamp = -1;
  int key = -1;
};

// Everything the codec needs of the schema, compiled once from a catalog's descriptors. Immutable;
// thread-safe.
class Plan {
 public:
  // InvalidArgument, with the descriptor's name, for what the codec cannot carry: a field type
  // without a JSON form here, a scalar without presence, a message without extra_json = 15. The
  // catalog must outlive the plan.
  static absl::StatusOr<std::unique_ptr<const Plan>> Compile(const event::Catalog& catalog);

  const std::vector<FamilyPlan>& families() const { return families_; }
  // Null where there is none.
  const FamilyPlan* FindByNumber(int event_field) const;
  const FamilyPlan* FindByTopic(absl::string_view topic) const;
  const FamilyPlan* FindByType(absl::string_view wire_name) const;

 private:
  Plan() = default;
  friend class PlanCompiler;

  std::vector<FamilyPlan> families_;
  std::vector<std::unique_ptr<MessagePlan>> messages_;
  std::vector<std::unique_ptr<EnumPlan>> enums_;
  absl::flat_hash_map<std::string, std::size_t> by_topic_;
  absl::flat_hash_map<std::string, std::size_t> by_type_;
};

}  // namespace eventbus::wire
