#include "server/wire/decode.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/wire/decode_buffers.h"
#include "server/wire/json_scanner.h"
#include "server/wire/message_decode.h"

// A value is looked at in this order; the first thing wrong with it is its reason:
//
//   null, empty                            TOMBSTONE, EMPTY
//   UTF-8 throughout                       INVALID_UTF8
//   JSON, however deep                     INVALID_JSON (json_scanner.cc has the grammar)
//   an object                              NOT_AN_OBJECT
//   nesting                                TOO_DEEP
//   its protobuf form                      TOO_LARGE
namespace eventbus::wire {
namespace {

// Past it a message could not be delivered: clients take 4 MiB.
constexpr std::size_t kMaxEventBytes = 3 << 20;

using Result = std::variant<Decoded, Undecodable>;

Undecodable InvalidJson(const JsonScanner::Error& error) {
  return {Reason::kInvalidJson, absl::StrCat("byte ", error.offset, ": ", error.what)};
}

// What too deep an object is, looked at to its end.
Undecodable TooDeep(absl::string_view json, std::size_t offset) {
  JsonScanner scanner(json, std::numeric_limits<int>::max());
  if (!scanner.Skip() || !scanner.Finish()) return InvalidJson(scanner.error());
  return {Reason::kTooDeep,
          absl::StrCat("byte ", offset, ": nested past ", JsonScanner::kMaxDepth, " levels")};
}

Undecodable NotUtf8(absl::string_view json) {
  return {Reason::kInvalidUtf8, absl::StrCat("byte ", ValidUtf8Prefix(json), ": not UTF-8")};
}

absl::string_view KindOf(char first) {
  switch (first) {
    case '[':
      return "an array";
    case '"':
      return "a string";
    case 't':
    case 'f':
      return "a boolean";
    case 'n':
      return "null";
    default:
      return "a number";
  }
}

Undecodable NotAnObject(absl::string_view json) {
  JsonScanner scanner(json, std::numeric_limits<int>::max());
  const char first = scanner.Peek();
  if (!scanner.Skip() || !scanner.Finish()) return InvalidJson(scanner.error());
  return {Reason::kNotAnObject, absl::StrCat(KindOf(first), ", not an object")};
}

Result DecodeText(const FamilyPlan& family, absl::string_view json, DecodeBuffers* buffers) {
  if (!IsUtf8(json)) return NotUtf8(json);
  if (json.substr(0, 3) == "\xEF\xBB\xBF") {
    return Undecodable{Reason::kInvalidJson, "byte 0: a byte-order mark"};
  }
  JsonScanner scanner(json);
  if (scanner.Peek() != '{') return NotAnObject(json);
  Decoded decoded;
  ProtoWriter& out = buffers->out;
  out.Bytes(family.event_tag);
  const std::size_t opened = out.Open();
  MessageDecoder decoder(json, &scanner, buffers);
  if (!decoder.Family(family, &decoded.event_id, &decoded.event_type) || !scanner.Finish()) {
    const JsonScanner::Error& error = scanner.error();
    return error.too_deep ? TooDeep(json, error.offset) : InvalidJson(error);
  }
  out.Close(opened);
  if (out.size() > kMaxEventBytes) {
    return Undecodable{Reason::kTooLarge,
                       absl::StrCat(out.size(), " bytes as protobuf, at most ", kMaxEventBytes)};
  }
  decoded.event.assign(out.data(), out.size());
  return decoded;
}

}  // namespace

Result Decode(const Plan& /*plan*/, const FamilyPlan& family,
              absl::optional<absl::string_view> value) {
  if (!value.has_value()) return Undecodable{Reason::kTombstone, "a null value"};
  if (value->empty()) return Undecodable{Reason::kEmpty, "no bytes"};
  thread_local DecodeBuffers buffers;
  buffers.Clear();
  return DecodeText(family, *value, &buffers);
}

}  // namespace eventbus::wire
