#include "tests/fuzz/subject.h"

#include <cstdlib>
#include <iostream>
#include <memory>

#include "absl/strings/escaping.h"
#include "tests/reference/events.h"

namespace eventbus::fuzz {

const reference::Schema& Schema() { return reference::DocumentedSchema(); }

const wire::Plan& Plan() {
  static const std::unique_ptr<const wire::Plan> plan =
      wire::Plan::Compile(Schema().catalog()).value();
  return *plan;
}

const std::vector<reference::GoldenVector>& Vectors() {
  static const std::vector<reference::GoldenVector> vectors =
      reference::ReadGoldenVectors(EVENTBUS_GOLDEN_DIR);
  return vectors;
}

void Disagree(absl::string_view what, absl::string_view input, absl::string_view codec,
              absl::string_view reference) {
  std::cerr << "DISAGREEMENT: " << what << "\ninput:     " << absl::CHexEscape(input)
            << "\ncodec:     " << codec << "\nreference: " << reference << "\n";
  std::abort();
}

const event::Topic& TopicOf(absl::string_view input) {
  const std::vector<event::Topic>& topics = Schema().catalog().topics();
  return topics[static_cast<unsigned char>(input[0]) % topics.size()];
}

}  // namespace eventbus::fuzz
