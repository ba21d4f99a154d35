// Reads lines of a topic, a space and a JSON value; prints encode(decode(value)), or `! ` and why
// not. For tests in other languages.
#include <iostream>
#include <memory>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "server/wire/decode.h"
#include "server/wire/encode.h"
#include "tests/reference/events.h"

namespace eventbus::wire {
namespace {

std::string RoundTrip(const Plan& plan, absl::string_view topic, absl::string_view value) {
  const FamilyPlan* family = plan.FindByTopic(topic);
  if (family == nullptr) return "! no such topic";
  const auto result = Decode(plan, *family, value);
  if (const auto* undecodable = std::get_if<Undecodable>(&result)) {
    return "! " + undecodable->detail;
  }
  const auto no_id = [] { return std::string("an id was asked for"); };
  const auto no_time = [] { return absl::UnixEpoch(); };
  const auto encoded = EncodeEvent(plan, std::get<Decoded>(result).event,
                                   {Rules::kRewrite, "event", 1'000'000, no_id, no_time});
  return encoded.ok() ? encoded->json : "! " + encoded.status().ToString();
}

void RoundTripLines() {
  const std::unique_ptr<const Plan> plan =
      Plan::Compile(reference::DocumentedSchema().catalog()).value();
  for (std::string line; std::getline(std::cin, line);) {
    const std::size_t space = line.find(' ');
    const absl::string_view view = line;
    std::cout << RoundTrip(*plan, view.substr(0, space), view.substr(space + 1)) << "\n";
  }
}

}  // namespace
}  // namespace eventbus::wire

int main() {
  eventbus::wire::RoundTripLines();
  return 0;
}
