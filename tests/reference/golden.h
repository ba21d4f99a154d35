#pragma once

#include <optional>
#include <string>
#include <vector>

namespace eventbus::reference {

// One line of tests/golden/*.jsonl; the README there says what its members mean.
struct GoldenVector {
  std::string name;
  std::string topic;
  // Nothing: a null value.
  std::optional<std::string> value;
  // The Event in protobuf's JSON; empty where the value is undecodable.
  std::string event;
  std::string undecodable;
  // The re-encoded text.
  std::string rewritten;
};

// All vectors of a folder, the files in the order of their names. Aborts where one is malformed.
std::vector<GoldenVector> ReadGoldenVectors(const std::string& folder);

}  // namespace eventbus::reference
