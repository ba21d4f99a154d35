// Protobuf bytes of an Event in: by either set of rules, the encoder must write what the reference
// writes after protobuf's own parser, or refuse the same fields.
#include <cstdint>
#include <string>
#include <vector>

#include "tests/fuzz/encode_check.h"
#include "tests/fuzz/json_mutator.h"
#include "tests/fuzz/mutation.h"
#include "tests/fuzz/proto_mutator.h"
#include "tests/fuzz/subject.h"
#include "tests/reference/decode.h"

namespace eventbus::fuzz {
namespace {

const std::vector<std::string>& Seeds() {
  static const std::vector<std::string>& seeds = *[] {
    auto* all = new std::vector<std::string>;
    for (const reference::GoldenVector& vector : Vectors()) {
      if (vector.event.empty()) continue;
      const auto result =
          reference::ReferenceDecode(Schema(), Schema().topic(vector.topic), *vector.value);
      all->push_back(result.event->SerializeAsString());
    }
    return all;
  }();
  return seeds;
}

// Strings of every kind: for ids, for extra_json, for none.
std::vector<std::string> Texts() {
  std::vector<std::string> texts = {"",
                                    "a",
                                    std::string("\0", 1),
                                    "\xff",
                                    "\xed\xa0\x80",
                                    "\xf0\x9f\x98\x80",
                                    "0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c10",
                                    "0B8F1C52-7D3E-4C1A-9A52-6F0E2D4B8C1F",
                                    "0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c1",
                                    "{0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c10}",
                                    R"({"event_id":null})",
                                    R"({"timestamp":null,"payload":null})",
                                    R"({"event_type":null})",
                                    R"({"user_id":null})",
                                    R"({"user_id":5})",
                                    R"({"x":1,"x":2})",
                                    R"({"x":1,"\u0078":2})",
                                    R"({"score":null,"violations":null})",
                                    R"({"metadata":null,"page":null})",
                                    R"({"payload":{}})",
                                    R"({"\u0070ayload":null})",
                                    R"({"extra_json":1})",
                                    R"({"\ud800":1})",
                                    R"({"x":{"a":[1.0,1e400],"a":2}})",
                                    "[]",
                                    "null",
                                    "{",
                                    "{} ",
                                    " {}",
                                    R"({"x":nul})"};
  for (const int depth : {61, 62, 63, 64, 65}) {
    const auto count = static_cast<std::size_t>(depth);
    texts.push_back("{\"x\":" + std::string(count, '[') + std::string(count, ']') + "}");
  }
  for (const reference::GoldenVector& vector : Vectors()) {
    if (vector.value.has_value() && vector.value->size() < 300) texts.push_back(*vector.value);
  }
  return texts;
}

const ProtoMutator& Mutator() {
  static const ProtoMutator& mutator = *new ProtoMutator(Texts());
  return mutator;
}

}  // namespace
}  // namespace eventbus::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  using namespace eventbus::fuzz;
  static const Mutation& mutation = *new Mutation{
      Seeds(), 2, 4,
      [](const std::string& input, unsigned draw) { return Mutator().Mutate(input, draw); }};
  return Apply(mutation, data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eventbus::fuzz;
  const absl::string_view event(reinterpret_cast<const char*>(data), size);
  for (const auto rules : {eventbus::wire::Rules::kPublish, eventbus::wire::Rules::kRewrite}) {
    const std::string difference = EncodeDisagreement(Schema(), Plan(), event, rules);
    const bool publish = rules == eventbus::wire::Rules::kPublish;
    if (!difference.empty()) Disagree(publish ? "publish" : "rewrite", event, difference, "");
  }
  return 0;
}
