// message := field*
// field   := tag value                 tag := varint of 5 bytes at most: number << 3 | type
// value   := varint | 8 bytes | length bytes | field* end-group tag | 4 bytes
// varint  := 10 bytes at most, the low 7 bits first; bits past the 64th count for nothing
// length  := varint of 5 bytes at most
//
// Longer spellings of a number than it needs are taken, as protobuf does.
#include "server/wire/wire_reader.h"

namespace eventbus::wire {
namespace {

// The bytes in front of a number's last one have the high bit set. Null where there are more than
// `most` of them, or the bytes end.
template <typename Number>
const char* LongVarint(const char* at, const char* end, int most, Number* value) {
  Number sum = 0;
  for (int i = 0; i < most && at != end; ++i) {
    const auto byte = static_cast<unsigned char>(*at++);
    sum |= static_cast<Number>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *value = sum;
      return at;
    }
  }
  return nullptr;
}

}  // namespace

absl::string_view WireFaultText(WireFault fault) {
  switch (fault) {
    case WireFault::kCutOff:
      return "cut off inside a field";
    case WireFault::kLongVarint:
      return "a number of more bytes than protobuf allows";
    case WireFault::kTag:
      return "a field number or wire type that protobuf does not have";
    case WireFault::kGroup:
      return "a group that is not closed, or was not opened";
    case WireFault::kTooDeep:
      return "messages nested deeper than 100 levels";
    case WireFault::kNone:
      break;
  }
  return "whole";
}

WireFault FaultIn(absl::string_view bytes, int depth) {
  WireReader reader(bytes, depth);
  WireField field;
  while (reader.Next(&field)) {
  }
  return reader.fault();
}

bool WireReader::ReadLong32(std::uint32_t* value) {
  const char* const next = LongVarint(at_, end_, 5, value);
  if (next == nullptr) return Fail(left() < 5 ? WireFault::kCutOff : WireFault::kLongVarint);
  at_ = next;
  return true;
}

bool WireReader::ReadLongSize(std::uint32_t* value) {
  std::uint64_t size = 0;
  const char* const next = LongVarint(at_, end_, 5, &size);
  if (next == nullptr) return Fail(left() < 5 ? WireFault::kCutOff : WireFault::kLongVarint);
  at_ = next;
  if (size > left()) return Fail(WireFault::kCutOff);
  *value = static_cast<std::uint32_t>(size);
  return true;
}

bool WireReader::ReadLong64(std::uint64_t* value) {
  const char* const next = LongVarint(at_, end_, 10, value);
  if (next == nullptr) return Fail(left() < 10 ? WireFault::kCutOff : WireFault::kLongVarint);
  at_ = next;
  return true;
}

bool WireReader::SkipGroup(std::uint32_t number) {
  if (++depth_ > kMaxDepth) return Fail(WireFault::kTooDeep);
  while (at_ != end_) {
    std::uint32_t tag = 0;
    if (!ReadTag(&tag)) return false;
    WireField field;
    field.number = tag >> 3;
    field.type = static_cast<WireType>(tag & 7);
    if (field.number == 0) return Fail(WireFault::kTag);
    if (field.type == WireType::kEndGroup) {
      --depth_;
      return field.number == number || Fail(WireFault::kGroup);
    }
    if (!ReadValue(&field)) return false;
  }
  return Fail(WireFault::kGroup);
}

}  // namespace eventbus::wire
