#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/bus/batch.h"
#include "server/bus/chunk.h"
#include "server/bus/cursors.h"
#include "server/bus/filter.h"

namespace eventbus::bus {

// What a reader wants of a chunk.
struct ChunkTake {
  const Filter& filter;
  bool stop_at_end = false;
  // More than so many are not wanted.
  std::int64_t max_events = 0;
  // The index in the cursors of each partition of the topic; all that the chunk names.
  const std::vector<int>& cursors_of;
};

struct Taken {
  // The entry to go on with; the number of entries: the chunk is done with.
  std::size_t next = 0;
  std::int64_t events = 0;
};

// Takes entries from `from` on into the batch, as slices of the chunk, until the batch is full or
// `max_events` are taken, and moves the cursors' `read`. Skipped are entries before it, those of
// types that are not wanted and, under `stop_at_end`, those that came after the start. At the end
// of the chunk the cursors stand where it ends, past records that nobody is shown. The cursors must
// be at or past the chunk's begin. Pure.
Taken TakeChunk(const Chunk& chunk, std::size_t from, const ChunkTake& wanted, Cursors& cursors,
                Batch& batch);

}  // namespace eventbus::bus
