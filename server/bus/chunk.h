#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/bus/stream.h"
#include "server/wire/decode.h"
#include "server/wire/delivery.h"

namespace eventbus::bus {

// The offset of the next record in each partition of one topic, by number. Partitions past the end
// of the list have not been read: they are at 0.
using Positions = std::vector<std::int64_t>;

inline std::int64_t PositionOf(const Positions& positions, std::size_t partition) {
  return partition < positions.size() ? positions[partition] : 0;
}

// A piece of a topic's log: everything from `begin` up to `next`, as the entries of an EventBatch.
// Never changed once it is made, so that any number of streams may send it.
struct Chunk {
  struct Entry {
    std::int64_t offset = 0;
    std::int32_t partition = 0;
    // Where the entry ends in `bytes`; it begins where the one before it ends.
    std::uint32_t end = 0;
    // In `types`, or kUndecodable.
    std::int32_t type = 0;
  };
  static constexpr std::int32_t kUndecodable = -1;

  // In bytes of memory.
  std::size_t size() const { return bytes->size() + entries.size() * sizeof(Entry); }
  std::size_t begin_of(std::size_t entry) const { return entry == 0 ? 0 : entries[entry - 1].end; }

  Bytes bytes;
  std::vector<Entry> entries;
  // The texts of the event types, each once.
  std::vector<std::string> types;
  Positions begin;
  // Past control records and compacted ones, too.
  Positions next;
};

// Collects the next chunk. One thread at a time.
class ChunkBuilder {
 public:
  explicit ChunkBuilder(bool include_json) : include_json_(include_json) {}

  void Add(const wire::ReceivedRecord& record,
           const std::variant<wire::Decoded, wire::Undecodable>& body);

  bool include_json() const { return include_json_; }
  std::size_t events() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_.size(); }

  // What was added, and nothing is left. `begin`: where reading was before the first.
  std::shared_ptr<const Chunk> Take(Positions begin, Positions next);

 private:
  std::int32_t TypeOf(const std::variant<wire::Decoded, wire::Undecodable>& body);

  const bool include_json_;
  std::string
      bytes_;  // Keeps its room from chunk to chunk; a chunk has its own, of the size needed.
  std::vector<Chunk::Entry> entries_;
  std::vector<std::string> types_;
};

}  // namespace eventbus::bus
