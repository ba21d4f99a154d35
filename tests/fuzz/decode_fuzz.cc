// JSON in: the decoder and the reference must say the same of it, and what is decoded must be
// written again as the same JSON. As the `json` of a request it must be written, or refused, as the
// reference does. The first byte of an input names the topic.
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/error.h"
#include "server/wire/decode.h"
#include "server/wire/encode.h"
#include "tests/fuzz/json_mutator.h"
#include "tests/fuzz/mutation.h"
#include "tests/fuzz/subject.h"
#include "tests/reference/decode.h"
#include "tests/reference/encode_json.h"
#include "tests/reference/equal.h"

namespace eventbus::fuzz {
namespace {

std::string NameOf(wire::Reason reason) {
  const auto number = static_cast<v1::UndecodableReason>(static_cast<int>(reason));
  return v1::UndecodableReason_Name(number).substr(std::strlen("UNDECODABLE_REASON_"));
}

void CheckEvent(const wire::Decoded& decoded, const reference::DecodeResult& expected,
                absl::string_view value) {
  const auto event = Schema().Parse(decoded.event);
  if (event == nullptr) Disagree("not protobuf", value, "", "");
  const std::string ours = reference::Describe(*event);
  const std::string theirs = reference::Describe(*expected.event);
  if (ours != theirs) Disagree("event", value, ours, theirs);
  if (decoded.event_id != expected.event_id) {
    Disagree("event_id", value, decoded.event_id, expected.event_id);
  }
  if (decoded.event_type != expected.event_type) {
    Disagree("event_type", value, decoded.event_type, expected.event_type);
  }
}

void CheckRoundTrip(const wire::Decoded& decoded, const event::Topic& topic,
                    absl::string_view value) {
  const auto no_id = []() -> std::string { Disagree("an id was asked for", "", "", ""); };
  const auto no_time = []() -> absl::Time { Disagree("the time was asked for", "", "", ""); };
  const wire::EncodeOptions options = {wire::Rules::kRewrite, "event", std::size_t{64} << 20, no_id,
                                       no_time};
  const auto again = wire::EncodeEvent(Plan(), decoded.event, options);
  if (!again.ok()) Disagree("cannot be written again", value, again.status().ToString(), "");
  if (!reference::ReferenceEqualsAsJson(topic, value, again->json)) {
    Disagree("something is lost", value, again->json, "");
  }
  if (again->topic->name != topic.name) Disagree("topic", value, again->topic->name, topic.name);
}

// The same text as the `json` of a PublishRequest.
void CheckEncodeJson(absl::string_view value) {
  reference::EncodeOptions expected_options;
  expected_options.path = "json";
  const auto id = [&expected_options] { return expected_options.new_event_id; };
  const auto now = [] { return absl::FromUnixMillis(1704067200001); };  // expected_options.now
  const auto encoded = wire::EncodeJson(
      Plan(), value, {wire::Rules::kPublish, "json", std::size_t{64} << 20, id, now});
  const auto expected = reference::ReferenceEncodeJson(Schema(), value, expected_options);
  if (encoded.ok()) {
    if (!expected.violations.empty()) {
      Disagree("json taken", value, encoded->json, absl::StrJoin(expected.violations, ", "));
    }
    if (!reference::SameJson(encoded->json, expected.json) || encoded->key != expected.key ||
        encoded->event_id != expected.event_id) {
      Disagree("json", value, encoded->json, expected.json);
    }
    return;
  }
  const ErrorDetails details = GetErrorDetails(encoded.status());
  std::set<std::string> paths;
  for (const FieldViolation& violation : details.violations) paths.insert(violation.field);
  if (details.reason != v1::ERROR_REASON_EVENT_INVALID ||
      paths != std::set<std::string>(expected.violations.begin(), expected.violations.end())) {
    Disagree("json refused", value, encoded.status().ToString(),
             absl::StrJoin(expected.violations, ", "));
  }
}

void Check(const event::Topic& topic, absl::string_view value) {
  const auto result = wire::Decode(Plan(), *Plan().FindByTopic(topic.name), value);
  const reference::DecodeResult expected = reference::ReferenceDecode(Schema(), topic, value);
  if (const auto* undecodable = std::get_if<wire::Undecodable>(&result)) {
    const std::string reason = NameOf(undecodable->reason);
    if (!reference::IsReasonOf(expected, reason)) {
      Disagree("undecodable", value, absl::StrCat(reason, ": ", undecodable->detail),
               expected.undecodable);
    }
    return;
  }
  if (expected.event == nullptr) Disagree("decodable", value, "decoded", expected.undecodable);
  const auto& decoded = std::get<wire::Decoded>(result);
  CheckEvent(decoded, expected, value);
  CheckRoundTrip(decoded, topic, value);
}

// The vectors' values, each behind the byte that names its topic.
const std::vector<std::string>& Seeds() {
  static const std::vector<std::string>& seeds = *[] {
    auto* all = new std::vector<std::string>;
    const auto& topics = Schema().catalog().topics();
    for (const reference::GoldenVector& vector : Vectors()) {
      if (!vector.value.has_value() || vector.value->size() > 20'000) continue;
      char number = 0;
      while (topics[static_cast<std::size_t>(number)].name != vector.topic) ++number;
      all->push_back(number + *vector.value);
    }
    return all;
  }();
  return seeds;
}

const JsonMutator& Mutator() {
  static const JsonMutator& mutator = *[] {
    std::vector<std::string> pool;
    for (const std::string& seed : Seeds()) pool.push_back(seed.substr(1));
    return new JsonMutator(pool);
  }();
  return mutator;
}

}  // namespace
}  // namespace eventbus::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  using namespace eventbus::fuzz;
  static const Mutation& mutation =
      *new Mutation{Seeds(), 2, 3, [](const std::string& input, unsigned draw) {
                      return input[0] + Mutator().Mutate(absl::string_view(input).substr(1), draw);
                    }};
  return Apply(mutation, data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eventbus::fuzz;
  if (size == 0) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  Check(TopicOf(input), input.substr(1));
  CheckEncodeJson(input.substr(1));
  return 0;
}
