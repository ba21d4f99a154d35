#include "server/bus/chunk_take.h"

#include <algorithm>

namespace eventbus::bus {
namespace {

// One TakeChunk.
class Taker {
 public:
  Taker(const Chunk& chunk, std::size_t from, const ChunkTake& wanted, Cursors& cursors,
        Batch& batch)
      : chunk_(chunk), wanted_(wanted), cursors_(cursors), batch_(batch), next_(from) {
    for (const std::string& type : chunk.types) passes_.push_back(wanted.filter.Passes(type));
  }

  Taken Run() {
    while (next_ < chunk_.entries.size() && TakeEntry(chunk_.entries[next_])) ++next_;
    Flush();
    if (next_ == chunk_.entries.size()) Finish();
    return {next_, events_};
  }

 private:
  // False: nothing more can be taken.
  bool TakeEntry(const Chunk::Entry& entry) {
    if (!Wanted(entry)) {
      Flush();
    } else if (!Add(entry)) {
      return false;
    }
    MoveTo(entry.partition, entry.offset + 1);
    return true;
  }

  bool Wanted(const Chunk::Entry& entry) const {
    const Cursors::Cursor& cursor = CursorOf(entry.partition);
    if (entry.offset < cursor.read) return false;
    if (wanted_.stop_at_end && entry.offset >= cursor.end_at_start) return false;
    return entry.type == Chunk::kUndecodable || passes_[static_cast<std::size_t>(entry.type)];
  }

  bool Add(const Chunk::Entry& entry) {
    if (events_ + run_events_ >= wanted_.max_events) return false;
    const std::size_t begin = chunk_.begin_of(next_);
    if (run_events_ == 0) run_begin_ = begin;
    if (!batch_.Fits(run_events_ + 1, entry.end - run_begin_)) {
      batch_.Close();  // For whoever else adds to it.
      return false;
    }
    ++run_events_;
    run_end_ = entry.end;
    return true;
  }

  // Consecutive entries go as one slice.
  void Flush() {
    if (run_events_ == 0) return;
    batch_.AddShared({chunk_.bytes, run_begin_, run_end_ - run_begin_}, run_events_);
    events_ += run_events_;
    run_events_ = 0;
  }

  void Finish() {
    for (std::size_t i = 0; i < chunk_.next.size(); ++i) {
      MoveTo(static_cast<std::int32_t>(i), chunk_.next[i]);
    }
  }

  void MoveTo(std::int32_t partition, std::int64_t offset) {
    const Cursors::Cursor& cursor = CursorOf(partition);
    const std::int64_t read = wanted_.stop_at_end ? std::min(offset, cursor.end_at_start) : offset;
    if (read > cursor.read) cursors_.SetRead(IndexOf(partition), read);
  }

  int IndexOf(std::int32_t partition) const {
    return wanted_.cursors_of[static_cast<std::size_t>(partition)];
  }
  const Cursors::Cursor& CursorOf(std::int32_t partition) const {
    return cursors_[IndexOf(partition)];
  }

  const Chunk& chunk_;
  const ChunkTake& wanted_;
  Cursors& cursors_;
  Batch& batch_;
  std::vector<bool> passes_;  // Of each type of the chunk.
  std::size_t next_;
  std::int64_t events_ = 0;
  int run_events_ = 0;
  std::size_t run_begin_ = 0;
  std::size_t run_end_ = 0;
};

// Whether everything in the chunk is wanted and fits.
bool TakesAll(const Chunk& chunk, const ChunkTake& wanted, const Cursors& cursors,
              const Batch& batch) {
  const std::size_t events = chunk.entries.size();
  if (!wanted.filter.passes_all() || wanted.stop_at_end || events == 0) return false;
  if (static_cast<std::int64_t>(events) > wanted.max_events) return false;
  for (std::size_t i = 0; i < chunk.next.size(); ++i) {
    const auto index = static_cast<std::size_t>(wanted.cursors_of[i]);
    if (cursors.all()[index].read != PositionOf(chunk.begin, i)) return false;
  }
  return batch.Fits(static_cast<int>(events), chunk.bytes->size());
}

}  // namespace

Taken TakeChunk(const Chunk& chunk, std::size_t from, const ChunkTake& wanted, Cursors& cursors,
                Batch& batch) {
  if (from > 0 || !TakesAll(chunk, wanted, cursors, batch)) {
    return Taker(chunk, from, wanted, cursors, batch).Run();
  }
  batch.AddShared({chunk.bytes, 0, chunk.bytes->size()}, static_cast<int>(chunk.entries.size()));
  for (std::size_t i = 0; i < chunk.next.size(); ++i) {
    cursors.SetRead(wanted.cursors_of[i], chunk.next[i]);
  }
  return {chunk.entries.size(), static_cast<std::int64_t>(chunk.entries.size())};
}

}  // namespace eventbus::bus
