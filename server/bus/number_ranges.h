#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace eventbus::bus {

// A set of numbers, as ranges; where they become too many the lowest are forgotten. Pure; one
// thread at a time.
class NumberRanges {
 public:
  explicit NumberRanges(std::size_t most_ranges) : most_ranges_(most_ranges) {}

  void Add(std::uint64_t number);
  bool Contains(std::uint64_t number) const;

 private:
  const std::size_t most_ranges_;
  std::map<std::uint64_t, std::uint64_t> begins_;  // [begin, end) by end.
};

}  // namespace eventbus::bus
