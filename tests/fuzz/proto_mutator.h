#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace eventbus::fuzz {

// Changes protobuf bytes field by field, at any depth: repeats, drops, moves and splits fields,
// sets numbers and texts that lie on the edges.
class ProtoMutator {
 public:
  // `texts`: what strings are set to.
  explicit ProtoMutator(std::vector<std::string> texts) : texts_(std::move(texts)) {}

  // `bytes` themselves where they are not protobuf.
  std::string Mutate(absl::string_view bytes, unsigned seed) const;

 private:
  std::vector<std::string> texts_;
};

}  // namespace eventbus::fuzz
