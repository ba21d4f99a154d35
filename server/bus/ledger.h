#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "server/bus/commit_metadata.h"

namespace eventbus::bus {

// What a member has read of one partition, and what of it is settled, in any order. Offsets may
// have holes (compaction, transactions): everything goes by records that were read. Pure; one
// thread at a time.
class Ledger {
 public:
  // Read from `position` on; `settled` is what was settled past it before, by whomever.
  Ledger(std::int64_t position, std::vector<Span> settled)
      : next_(position), restored_(std::move(settled)) {}

  // The next record is read. False: it is settled already, and not to be delivered.
  bool Read(std::int64_t offset);
  // Everything before `next` is read, whether there are records or not.
  void ReadTo(std::int64_t next);
  // A record that was read is settled. Again: nothing happens.
  void Settle(std::int64_t offset);

  // The offset to commit: of the first record that is not settled, as far as is known.
  std::int64_t prefix() const;
  // Where reading is.
  std::int64_t next() const { return next_; }
  // Whether the record there, read or not, is settled.
  bool IsSettled(std::int64_t offset) const;
  // What is settled past the prefix.
  std::vector<Span> settled() const;
  // Offsets from the first that is not settled to where reading is.
  std::int64_t span() const { return entries_.empty() ? 0 : next_ - entries_.front().offset; }

 private:
  struct Entry {
    std::int64_t offset = 0;
    bool settled = false;
  };

  bool WasSettled(std::int64_t offset) const;
  void DropPrefix();

  std::deque<Entry> entries_;  // From the first that is not settled on, by offset.
  std::int64_t next_ = 0;
  std::vector<Span> restored_;
};

}  // namespace eventbus::bus
