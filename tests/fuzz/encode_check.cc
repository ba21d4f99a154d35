#include "tests/fuzz/encode_check.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/unknown_field_set.h"
#include "server/base/error.h"
#include "tests/reference/encode.h"
#include "tests/reference/equal.h"
#include "tests/reference/fields.h"

namespace eventbus::fuzz {
namespace {

namespace pb = google::protobuf;
using reference::Kind;

// A step of a path without the index.
absl::string_view Name(absl::string_view step) {
  return step.substr(0, std::min(step.find('['), step.size()));
}

// Cuts `path` behind the first Struct, Value or Timestamp.
std::string Cut(const pb::Descriptor& event, absl::string_view root, absl::string_view path) {
  if (path.size() <= root.size()) return std::string(path);
  const pb::Descriptor* message = &event;
  std::string out(root);
  for (const absl::string_view step : absl::StrSplit(path.substr(root.size() + 1), '.')) {
    const auto* field = message->FindFieldByName(std::string(Name(step)));
    if (field == nullptr || field->message_type() == nullptr) {
      return absl::StrCat(out, ".", step);
    }
    if (reference::KindOf(*field) != Kind::kMessage) {
      const std::size_t kept = step.find(']');
      const bool cut = field->is_repeated() && kept != absl::string_view::npos;
      return absl::StrCat(out, ".", cut ? step.substr(0, kept + 1) : Name(step));
    }
    absl::StrAppend(&out, ".", step);
    message = field->message_type();
  }
  return out;
}

bool IsOfType(const pb::UnknownField& value, const pb::FieldDescriptor& field) {
  using WireFormat = pb::UnknownField;
  const bool packed = field.is_packable() && value.type() == WireFormat::TYPE_LENGTH_DELIMITED;
  if (packed) return true;
  switch (field.type()) {
    case pb::FieldDescriptor::TYPE_DOUBLE:
      return value.type() == WireFormat::TYPE_FIXED64;
    case pb::FieldDescriptor::TYPE_STRING:
    case pb::FieldDescriptor::TYPE_MESSAGE:
      return value.type() == WireFormat::TYPE_LENGTH_DELIMITED;
    default:
      return value.type() == WireFormat::TYPE_VARINT;
  }
}

// Whether there is an unknown field anywhere in the bytes, kept by protobuf or not.
bool HasUnknownBytes(const pb::Descriptor& message, const std::string& bytes) {
  pb::UnknownFieldSet fields;
  if (!fields.ParseFromString(bytes)) return true;
  for (int i = 0; i < fields.field_count(); ++i) {
    const pb::UnknownField& value = fields.field(i);
    const pb::FieldDescriptor* field = message.FindFieldByNumber(value.number());
    if (field == nullptr || !IsOfType(value, *field)) return true;
    if (field->message_type() != nullptr &&
        HasUnknownBytes(*field->message_type(), value.length_delimited())) {
      return true;
    }
  }
  return false;
}

std::string Join(const std::set<std::string>& paths) {
  return absl::StrCat("{", absl::StrJoin(paths, ", "), "}");
}

std::string OfRefusal(const absl::Status& status, const pb::Descriptor& event,
                      const reference::EncodeResult& expected, bool unknown_bytes) {
  const ErrorDetails details = GetErrorDetails(status);
  if (details.violations.empty()) return absl::StrCat("no violation: ", status.ToString());
  if (details.reason == v1::ERROR_REASON_UNKNOWN_FIELD) {
    return unknown_bytes ? "" : absl::StrCat("no field is unknown: ", status.ToString());
  }
  if (details.reason != v1::ERROR_REASON_EVENT_INVALID) return status.ToString();
  if (expected.unknown_field) {
    return absl::StrCat("UNKNOWN_FIELD expected: ", status.ToString());
  }
  std::set<std::string> ours;
  for (const FieldViolation& violation : details.violations) {
    ours.insert(Cut(event, "event", violation.field));
  }
  std::set<std::string> theirs;
  for (const std::string& path : expected.violations) theirs.insert(Cut(event, "event", path));
  if (ours == theirs) return "";
  return absl::StrCat("violations: codec ", Join(ours), ", reference ", Join(theirs), "; ",
                      status.ToString());
}

std::string OfUnparsable(const absl::StatusOr<wire::Encoded>& encoded) {
  if (encoded.ok()) return absl::StrCat("protobuf refuses the bytes, codec: ", encoded->json);
  const ErrorDetails details = GetErrorDetails(encoded.status());
  if (details.violations.empty())
    return absl::StrCat("no violation: ", encoded.status().ToString());
  if (details.reason == v1::ERROR_REASON_EVENT_INVALID ||
      details.reason == v1::ERROR_REASON_UNKNOWN_FIELD) {
    return "";
  }
  return encoded.status().ToString();
}

std::string OfJson(const wire::Encoded& encoded, const reference::EncodeResult& expected,
                   const event::Topic& topic) {
  if (expected.unknown_field) return absl::StrCat("unknown field taken: ", encoded.json);
  if (!expected.violations.empty()) {
    return absl::StrCat("reference refuses ", absl::StrJoin(expected.violations, ", "),
                        ", codec: ", encoded.json);
  }
  if (!reference::SameJson(encoded.json, expected.json)) {
    return absl::StrCat("codec ", encoded.json, "\nreference ", expected.json);
  }
  if (encoded.topic == nullptr || encoded.topic->name != topic.name) return "topic";
  if (encoded.event_id != expected.event_id) {
    return absl::StrCat("event_id: codec ", encoded.event_id, ", reference ", expected.event_id);
  }
  if (encoded.key != expected.key) {
    return absl::StrCat("key: codec ", encoded.key, ", reference ", expected.key);
  }
  return "";
}

}  // namespace

std::string EncodeDisagreement(const reference::Schema& schema, const wire::Plan& plan,
                               absl::string_view event, wire::Rules rules) {
  reference::EncodeOptions expected_options;
  expected_options.rules =
      rules == wire::Rules::kPublish ? reference::Rules::kPublish : reference::Rules::kRewrite;
  const auto new_event_id = [&expected_options] { return expected_options.new_event_id; };
  const auto now = [] { return absl::FromUnixMillis(1704067200001); };  // expected_options.now
  const wire::EncodeOptions options = {rules, "event", std::size_t{64} << 20, new_event_id, now};
  const auto encoded = wire::EncodeEvent(plan, event, options);
  const auto parsed = schema.Parse(event);
  if (parsed == nullptr) return OfUnparsable(encoded);
  const auto expected = reference::ReferenceEncode(schema, *parsed, expected_options);
  if (encoded.ok()) {
    const event::Topic* topic = schema.TopicOf(*parsed);
    return topic == nullptr ? "no family, codec: " + encoded->json
                            : OfJson(*encoded, expected, *topic);
  }
  const pb::Descriptor& descriptor = *parsed->GetDescriptor();
  const bool unknown_bytes = HasUnknownBytes(descriptor, std::string(event));
  if (expected.violations.empty() && !expected.unknown_field && !unknown_bytes) {
    return absl::StrCat("codec refuses ", encoded.status().ToString(), "\nreference ",
                        expected.json);
  }
  return OfRefusal(encoded.status(), descriptor, expected, unknown_bytes);
}

}  // namespace eventbus::fuzz
