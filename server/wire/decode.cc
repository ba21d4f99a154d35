#include "server/wire/decode.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/wire/decode_buffers.h"
#include "server/wire/json_scanner.h"
#include "server/wire/message_decode.h"

// A value is looked at in this order; the first thing wrong with it is its reason:
//
//   null, empty                            TOMBSTONE, EMPTY
//   UTF-8 throughout                       INVALID_UTF8
//   JSON and nesting, byte by byte         INVALID_JSON, TOO_DEEP (json_scanner.cc has the grammar)
//   an object                              NOT_AN_OBJECT
//   its protobuf form                      TOO_LARGE
namespace eventbus::wire {
namespace {

// Past it a message could not be delivered: clients take 4 MiB.
constexpr std::size_t kMaxEventBytes = 3 << 20;

using Result = std::variant<Decoded, Undecodable>;

Undecodable Broken(const JsonScanner::Error& error) {
  return {error.too_deep ? Reason::kTooDeep : Reason::kInvalidJson,
          absl::StrCat("byte ", error.offset, ": ", error.what)};
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

Undecodable NotAnObject(JsonScanner* scanner) {
  const char first = scanner->Peek();
  if (!scanner->Skip() || !scanner->Finish()) return Broken(scanner->error());
  return {Reason::kNotAnObject, absl::StrCat(KindOf(first), ", not an object")};
}

Result DecodeText(const FamilyPlan& family, absl::string_view json, DecodeBuffers* buffers) {
  if (!IsUtf8(json)) return NotUtf8(json);
  if (json.substr(0, 3) == "\xEF\xBB\xBF") {
    return Undecodable{Reason::kInvalidJson, "byte 0: a byte-order mark"};
  }
  JsonScanner scanner(json);
  if (scanner.Peek() != '{') return NotAnObject(&scanner);
  Decoded decoded;
  ProtoWriter& out = buffers->out;
  out.Bytes(family.event_tag);
  const std::size_t opened = out.Open();
  MessageDecoder decoder(json, &scanner, buffers);
  if (!decoder.Family(family, &decoded.event_id, &decoded.event_type) || !scanner.Finish()) {
    return Broken(scanner.error());
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
