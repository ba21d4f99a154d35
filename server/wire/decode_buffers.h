#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/wire/json_scanner.h"
#include "server/wire/proto_writer.h"

namespace eventbus::wire {

// How a value went into its field: as it is, not at all, or it is not JSON.
enum class Fit { kFits, kMisfit, kBroken };

// A member of an object: an entry of a Struct, which lies in the output, or a member that is kept,
// whose value lies in the input.
struct MemberSpan {
  absl::string_view name;
  // The name as it stands between its quotes.
  absl::string_view raw_name;
  std::size_t begin = 0;
  std::size_t end = 0;
  // A later member has its name.
  bool repeated = false;
};

// Where a field's value lies in the output, and which of the members that were kept is its; of both
// at most one.
struct FieldSlot {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::ptrdiff_t kept = -1;
};

// What decoding an event needs of memory; used again, so that it allocates nothing in the long run.
// The vectors are stacks: an object has those on top, what is inside it comes and goes above them.
struct DecodeBuffers {
  ProtoWriter out;
  std::vector<FieldSlot> slots;
  std::vector<MemberSpan> kept;
  std::vector<MemberSpan> entries;
  // One unescaped string.
  std::string text;
  // Unescaped names, which stay where they are until the event is done.
  std::deque<std::string> names;

  void Clear();

  // The string that `name` spells; valid until Clear. `*whole` as of Unescape.
  absl::string_view Name(const JsonString& name, bool* whole);

  // The string that `string` spells; valid until the next call. False as of Unescape.
  bool Text(const JsonString& string, absl::string_view* text);
};

}  // namespace eventbus::wire
