#include "tests/fuzz/mutation.h"

#include <cstring>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace eventbus::fuzz {

std::size_t Apply(const Mutation& mutation, std::uint8_t* data, std::size_t size,
                  std::size_t max_size, unsigned seed) {
  std::string next;
  if (size < mutation.least || seed % 64 == 0) {
    next = mutation.seeds[seed / 64 % mutation.seeds.size()];
  } else if (seed % mutation.own_share == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  } else {
    next = mutation.mutate(std::string(reinterpret_cast<const char*>(data), size),
                           seed / mutation.own_share);
  }
  if (next.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, next.data(), next.size());
  return next.size();
}

}  // namespace eventbus::fuzz
