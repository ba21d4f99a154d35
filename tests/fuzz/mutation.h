#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace eventbus::fuzz {

// How a target changes its inputs.
struct Mutation {
  const std::vector<std::string>& seeds;
  // Shorter ones, and one in 64 of the others, are replaced by a seed.
  std::size_t least = 1;
  // One in so many of what is left goes to libFuzzer's own mutation, the others to `mutate`, with
  // the input and a seed for what it draws.
  unsigned own_share = 2;
  std::function<std::string(const std::string& input, unsigned seed)> mutate;
};

// libFuzzer's LLVMFuzzerCustomMutator. What becomes longer than `max_size` is left to libFuzzer.
std::size_t Apply(const Mutation& mutation, std::uint8_t* data, std::size_t size,
                  std::size_t max_size, unsigned seed);

}  // namespace eventbus::fuzz
