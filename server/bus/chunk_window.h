#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "absl/types/optional.h"
#include "server/bus/chunk.h"

namespace eventbus::bus {

// The newest part of a topic's log, in memory: chunks one after the other without a hole, numbered.
// The oldest go when there are too many. Pure; one thread at a time.
class ChunkWindow {
 public:
  struct Limits {
    // Of what is kept; the newest chunk is, whatever its size.
    std::size_t max_bytes = 16u << 20;
    std::size_t max_chunks = 4096;
  };

  // Nothing is kept yet; what follows begins at `start`.
  ChunkWindow(Limits limits, Positions start) : limits_(limits), end_(std::move(start)) {}

  // Begins where the one before it ended.
  void Append(std::shared_ptr<const Chunk> chunk);
  // Forgets everything, and goes on at `start`. No number of before is found any more.
  void Restart(Positions start);

  // The number of the chunk with which a reader that has everything before `read` goes on; unset:
  // something that it needs is no longer here, or never was. May be of the chunk that comes next.
  absl::optional<std::uint64_t> Find(const Positions& read) const;

  // Whether the chunk is here, or the next to come.
  bool Covers(std::uint64_t number) const {
    return number >= first_ && number <= first_ + chunks_.size();
  }
  // Null: comes next. The number must be covered.
  std::shared_ptr<const Chunk> Get(std::uint64_t number) const;

  // Where the next chunk begins.
  const Positions& end() const { return end_; }

 private:
  void Trim();

  const Limits limits_;
  std::deque<std::shared_ptr<const Chunk>> chunks_;
  std::uint64_t first_ = 0;  // The number of the oldest that is kept.
  std::size_t bytes_ = 0;
  Positions end_;
};

}  // namespace eventbus::bus
