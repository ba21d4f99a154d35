#pragma once

#include <forward_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/wire/json_writer.h"
#include "server/wire/wire_reader.h"

namespace eventbus::wire {

// A sub-message. Where it occurs again, protobuf merges it, which is to say that it is what its
// occurrences are one after the other.
struct MergedBytes {
  absl::string_view bytes;
  std::string* joined = nullptr;
};

// An entry of a google.protobuf.Struct.
struct StructEntry {
  absl::string_view name;
  // The bytes of its google.protobuf.Value.
  absl::string_view value;
  // A later entry has its name.
  bool repeated = false;
};

// What encoding an event needs of memory; used again, so that it allocates nothing in the long run.
struct EncodeBuffers {
  JsonWriter out;
  // A stack: a Struct has its own on top, those inside it come and go above them.
  std::vector<StructEntry> entries;
  // What had to be put together; rare.
  std::forward_list<std::string> joined;

  void Clear() {
    constexpr std::size_t kMaxKept = 1 << 14;
    out.Clear();
    entries.clear();
    if (entries.capacity() > kMaxKept) entries.shrink_to_fit();
    joined.clear();
  }

  // Adds a further occurrence to a message at `depth`. Each must be whole, or the end of one would
  // be read with the beginning of the next: what is wrong with them if not.
  WireFault Merge(absl::string_view bytes, int depth, MergedBytes* merged) {
    WireFault fault = FaultIn(bytes, depth);
    if (merged->joined == nullptr) {
      if (fault == WireFault::kNone) fault = FaultIn(merged->bytes, depth);
      joined.emplace_front(merged->bytes);
      merged->joined = &joined.front();
    }
    merged->joined->append(bytes.data(), bytes.size());
    merged->bytes = *merged->joined;
    return fault;
  }
};

}  // namespace eventbus::wire
