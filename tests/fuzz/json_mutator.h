#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace eventbus::fuzz {

// Changes JSON by its structure: puts one value in the place of another, repeats or renames a
// member, spells a number or a string in another way, nests deeper.
class JsonMutator {
 public:
  // `pool`: JSON texts whose parts are put into others.
  explicit JsonMutator(const std::vector<std::string>& pool);

  // Another text; `json` itself where it is not JSON.
  std::string Mutate(absl::string_view json, unsigned seed) const;

 private:
  std::vector<std::string> values_;
  // `"name":value`
  std::vector<std::string> members_;
};

}  // namespace eventbus::fuzz
