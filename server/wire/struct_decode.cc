#include "server/wire/struct_decode.h"

#include <bit>
#include <cstdint>

#include "server/wire/number_parse.h"
#include "server/wire/repeated_names.h"

// google/protobuf/struct.proto on the wire; LEN is a length and as many bytes:
//
//   Struct    = *( 0A LEN( 0A LEN(name) 12 LEN(Value) ) )
//   ListValue = *( 0A LEN(Value) )
//   Value     = 08 00 / 11 double / 1A LEN(string) / 20 bool / 2A LEN(Struct) / 32 LEN(ListValue)
namespace eventbus::wire {
namespace {

constexpr char kFirst = 0x0A;
constexpr absl::string_view kElementTag("\x0A", 1);
constexpr absl::string_view kEntryValueTag("\x12", 1);
constexpr char kNullTag = 0x08;
constexpr char kNumberTag = 0x11;
constexpr char kStringTag = 0x1A;
constexpr char kBoolTag = 0x20;
constexpr char kStructTag = 0x2A;
constexpr char kListTag = 0x32;

}  // namespace

Fit StructDecoder::Fields(int level) {
  if (level > kMaxDepth) return Fit::kMisfit;
  const std::size_t base = buffers_.entries.size();
  JsonString name;
  JsonStep step = scanner_.FirstMember(&name);
  for (; step == JsonStep::kItem; step = scanner_.NextMember(&name)) {
    const Fit fit = Entry(name, level);
    if (fit != Fit::kFits) return fit;
  }
  if (step == JsonStep::kBroken) return Fit::kBroken;
  DropRepeated(base);
  return Fit::kFits;
}

Fit StructDecoder::Entry(const JsonString& name, int level) {
  bool whole = true;
  const absl::string_view text = buffers_.Name(name, &whole);
  if (!whole) return Fit::kMisfit;
  ProtoWriter& out = buffers_.out;
  const std::size_t begin = out.size();
  out.Byte(kFirst);
  const std::size_t entry = out.Open();
  out.Byte(kFirst);
  out.String(text);
  const Fit fit = Value(kEntryValueTag, level + 1);
  if (fit != Fit::kFits) return fit;
  out.Close(entry);
  buffers_.entries.push_back({text, name.raw, begin, out.size()});
  return Fit::kFits;
}

// Closes the gaps that repeated entries leave, all of them in one go.
void StructDecoder::DropRepeated(std::size_t base) {
  auto& entries = buffers_.entries;
  if (MarkRepeated(base, &entries)) {
    std::size_t end = entries[base].begin;
    for (std::size_t i = base; i < entries.size(); ++i) {
      if (entries[i].repeated) continue;
      buffers_.out.MoveUp(end, entries[i].begin, entries[i].end);
      end += entries[i].end - entries[i].begin;
    }
    buffers_.out.Truncate(end);
  }
  entries.resize(base);
}

Fit StructDecoder::Elements(int level) {
  if (level > kMaxDepth) return Fit::kMisfit;
  JsonStep step = scanner_.FirstElement();
  for (; step == JsonStep::kItem; step = scanner_.NextElement()) {
    const Fit fit = Value(kElementTag, level + 1);
    if (fit != Fit::kFits) return fit;
  }
  return step == JsonStep::kEnd ? Fit::kFits : Fit::kBroken;
}

Fit StructDecoder::Value(absl::string_view tag, int level) {
  buffers_.out.Bytes(tag);
  switch (scanner_.Peek()) {
    case '{':
      return Nested(kStructTag, level);
    case '[':
      return Nested(kListTag, level);
    case '"':
      return String();
    case 't':
      return Word("true", kBoolTag, 1);
    case 'f':
      return Word("false", kBoolTag, 0);
    case 'n':
      return Word("null", kNullTag, 0);
    default:
      return Number();
  }
}

Fit StructDecoder::Nested(char tag, int level) {
  ProtoWriter& out = buffers_.out;
  const std::size_t value = out.Open();
  out.Byte(tag);
  const std::size_t nested = out.Open();
  const Fit fit = tag == kStructTag ? Fields(level) : Elements(level);
  if (fit != Fit::kFits) return fit;
  out.Close(nested);
  out.Close(value);
  return Fit::kFits;
}

Fit StructDecoder::String() {
  JsonString string;
  if (!scanner_.ReadString(&string)) return Fit::kBroken;
  absl::string_view text;
  if (!buffers_.Text(string, &text)) return Fit::kMisfit;
  const std::size_t value = buffers_.out.Open();
  buffers_.out.Byte(kStringTag);
  buffers_.out.String(text);
  buffers_.out.Close(value);
  return Fit::kFits;
}

Fit StructDecoder::Number() {
  absl::string_view text;
  double number = 0;
  if (!scanner_.ReadNumber(&text)) return Fit::kBroken;
  if (!ParseDouble(text, &number)) return Fit::kMisfit;
  buffers_.out.Byte(9);
  buffers_.out.Byte(kNumberTag);
  buffers_.out.Fixed64(std::bit_cast<std::uint64_t>(number));
  return Fit::kFits;
}

Fit StructDecoder::Word(absl::string_view word, char tag, char value) {
  if (!scanner_.ReadWord(word)) return Fit::kBroken;
  buffers_.out.Byte(2);
  buffers_.out.Byte(tag);
  buffers_.out.Byte(value);
  return Fit::kFits;
}

}  // namespace eventbus::wire
