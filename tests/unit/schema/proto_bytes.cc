#include "tests/unit/schema/proto_bytes.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace eventbus::testing {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;

// A Value within a Value within ... ends here.
constexpr int kMostNesting = 9;

std::string PadVarint(std::string bytes, std::size_t length) {
  bytes.back() = static_cast<char>(bytes.back() | '\x80');
  while (bytes.size() + 1 < length) bytes.push_back('\x80');
  return bytes + '\0';
}

std::string Fixed64(double value) {
  char bytes[8];
  std::memcpy(bytes, &value, sizeof bytes);
  return std::string(bytes, sizeof bytes);
}

std::string StringValue(const Field& field, int variant) {
  if (field.name() == "extra_json") return variant == 0 ? R"({"x":[1.0]})" : R"({"y": 2})";
  if (field.containing_type()->full_name() == "google.protobuf.Value") return "text";
  return absl::StrCat("0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c1", variant);
}

std::uint64_t VarintValue(const Field& field, int variant) {
  if (field.type() == Field::TYPE_ENUM) {
    const int last = field.enum_type()->value_count() - 1;
    return static_cast<std::uint64_t>(
        field.enum_type()->value(std::min(last, 1 + variant))->number());
  }
  if (field.type() == Field::TYPE_BOOL) return variant == 0 ? 1 : 0;
  return static_cast<std::uint64_t>(1000 + variant);
}

std::vector<std::string> Sample(const pb::Descriptor& message, int variant, Spelling spelling,
                                int nesting);

std::string Value(const Field& field, int variant, Spelling spelling, int nesting) {
  switch (field.type()) {
    case Field::TYPE_STRING:
      return Delimited(field.number(), StringValue(field, variant), spelling);
    case Field::TYPE_MESSAGE:
      return Delimited(field.number(),
                       Join(Sample(*field.message_type(), variant, spelling, nesting + 1)),
                       spelling);
    case Field::TYPE_DOUBLE:
      return Tag(field.number(), 1, spelling) + Fixed64(variant == 0 ? 85.5 : -0.0);
    default:
      return Tag(field.number(), 0, spelling) + Varint(VarintValue(field, variant), spelling);
  }
}

std::vector<std::string> Sample(const pb::Descriptor& message, int variant, Spelling spelling,
                                int nesting) {
  std::vector<std::string> fields;
  if (message.full_name() == "google.protobuf.Value") {
    const char* kind =
        nesting < kMostNesting ? (variant == 0 ? "struct_value" : "list_value") : "string_value";
    return {Value(*message.FindFieldByName(kind), variant, spelling, nesting)};
  }
  for (int i = 0; i < message.field_count(); ++i) {
    const Field& field = *message.field(i);
    fields.push_back(Value(field, variant, spelling, nesting));
    if (field.is_repeated()) fields.push_back(Value(field, 1 - variant, spelling, nesting));
  }
  return fields;
}

void AddPlaces(const Place& place, std::vector<Place>& places) {
  for (int i = 0; i < place.message->field_count(); ++i) {
    const Field* field = place.message->field(i);
    if (field->message_type() == nullptr) continue;
    // Values hold Values: each message on the way once.
    const auto repeats = [field](const Field* above) {
      return above->message_type() == field->message_type();
    };
    if (std::any_of(place.path.begin(), place.path.end(), repeats)) continue;
    Place inner = place;
    inner.path.push_back(field);
    inner.message = field->message_type();
    places.push_back(inner);
    AddPlaces(inner, places);
  }
}

}  // namespace

std::string Varint(std::uint64_t value, Spelling spelling) {
  std::string bytes;
  for (; value > 0x7f; value >>= 7) bytes.push_back(static_cast<char>((value & 0x7f) | 0x80));
  bytes.push_back(static_cast<char>(value));
  return spelling == Spelling::kShort || bytes.size() == 10 ? bytes : PadVarint(bytes, 10);
}

std::string Tag(int number, int wire_type, Spelling spelling) {
  const std::string bytes = Varint(static_cast<std::uint64_t>(number << 3 | wire_type));
  return spelling == Spelling::kShort ? bytes : PadVarint(bytes, 5);
}

std::string Delimited(int number, absl::string_view bytes, Spelling spelling) {
  std::string length = Varint(bytes.size());
  if (spelling == Spelling::kOverlong) length = PadVarint(length, 5);
  return absl::StrCat(Tag(number, 2, spelling), length, bytes);
}

std::string FieldBytes(const Field& field, int variant, Spelling spelling) {
  return Value(field, variant, spelling, 0);
}

std::vector<std::string> SampleFields(const pb::Descriptor& message, int variant,
                                      Spelling spelling) {
  return Sample(message, variant, spelling, 0);
}

std::string Join(const std::vector<std::string>& parts) { return absl::StrJoin(parts, ""); }

std::vector<Place> PlacesIn(const pb::Descriptor& event) {
  std::vector<Place> places;
  Place root;
  root.message = &event;
  AddPlaces(root, places);
  return places;
}

std::string EventAround(const Place& place, absl::string_view bytes) {
  std::string inner(bytes);
  for (std::size_t i = place.path.size(); i-- > 0;) {
    const Field& field = *place.path[i];
    std::string around;
    const bool one_of = field.real_containing_oneof() != nullptr;
    for (int k = 0; !one_of && k < field.containing_type()->field_count(); ++k) {
      const Field& other = *field.containing_type()->field(k);
      if (&other != &field) around += FieldBytes(other, 0);
    }
    inner = around + Delimited(field.number(), inner);
  }
  return inner;
}

}  // namespace eventbus::testing
