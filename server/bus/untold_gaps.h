#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/optional.h"
#include "server/bus/commit_metadata.h"

namespace eventbus::bus {

// Records of one partition that are gone, of which no client of the group is known to have read: a
// message that is written may never be read, but a stream is in order, so that who settles a
// delivery has read all that went before it. Pure; one thread at a time.
class UntoldGaps {
 public:
  // So many are told apart; of more the oldest are one, with what lies between.
  static constexpr std::size_t kMost = 8;

  // Not before those that are there already.
  void Add(const Span& gap);
  // A message says so of those up to `end`; the delivery with the number `next` is the first that
  // may follow it on its stream.
  void Tell(std::int64_t end, std::uint64_t next);
  // The client has that delivery. True: some are told by that, and forgotten.
  bool Pass(std::uint64_t number);

  std::vector<Span> spans() const;

 private:
  struct Gap {
    Span span;
    absl::optional<std::uint64_t> told_before;  // That delivery.
  };

  std::vector<Gap> gaps_;
};

}  // namespace eventbus::bus
