#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace eventbus::testing {

// How numbers are put into protobuf's bytes; `kOverlong` uses more bytes than needed, which parsers
// must take.
enum class Spelling { kShort, kOverlong };

std::string Varint(std::uint64_t value, Spelling spelling = Spelling::kShort);
std::string Tag(int number, int wire_type, Spelling spelling = Spelling::kShort);
std::string Delimited(int number, absl::string_view bytes, Spelling spelling = Spelling::kShort);

// One value of `field` with its tag. `variant` chooses among values; messages have every field set.
std::string FieldBytes(const google::protobuf::FieldDescriptor& field, int variant,
                       Spelling spelling = Spelling::kShort);

// Every field of `message` set once (repeated ones twice), one element each, in the order of the
// declarations; extra_json is among them. A Value has one of its kinds.
std::vector<std::string> SampleFields(const google::protobuf::Descriptor& message, int variant,
                                      Spelling spelling = Spelling::kShort);

std::string Join(const std::vector<std::string>& parts);

// A message of the schema, and the fields that lead to it from Event.
struct Place {
  std::vector<const google::protobuf::FieldDescriptor*> path;
  const google::protobuf::Descriptor* message = nullptr;
};

// Every message that an Event can hold, below `event`: families, payloads, and once each Timestamp,
// Struct, its entries, Value and ListValue.
std::vector<Place> PlacesIn(const google::protobuf::Descriptor& event);

// An Event in which the message at `place` has `bytes`, and all around it is a sample.
std::string EventAround(const Place& place, absl::string_view bytes);

}  // namespace eventbus::testing
