#pragma once

#include <forward_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/wire/json_writer.h"

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

  // Adds a further occurrence.
  void Merge(absl::string_view bytes, MergedBytes* merged) {
    if (merged->joined == nullptr) {
      joined.emplace_front(merged->bytes);
      merged->joined = &joined.front();
    }
    merged->joined->append(bytes.data(), bytes.size());
    merged->bytes = *merged->joined;
  }
};

}  // namespace eventbus::wire
