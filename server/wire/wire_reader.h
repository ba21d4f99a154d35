#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"
#include "server/wire/wire_type.h"

namespace eventbus::wire {

// One field as it stands in the bytes of a message.
struct WireField {
  std::uint32_t number = 0;
  WireType type = WireType::kVarint;
  // Of kVarint, kFixed32 and kFixed64.
  std::uint64_t bits = 0;
  // Of kBytes.
  absl::string_view bytes;
};

// Why bytes are not protobuf.
enum class WireFault : std::uint8_t { kNone, kCutOff, kLongVarint, kTag, kGroup, kTooDeep };

// In words: `cut off inside a field`.
absl::string_view WireFaultText(WireFault fault);

// What is wrong with the bytes of a message, what is inside its fields left aside.
WireFault FaultIn(absl::string_view bytes, int depth);

// Walks through the fields of one message, taking and refusing the same bytes as protobuf's own C++
// parser. The bytes must outlive it; fields point into them.
//
//   WireField field;
//   while (reader.Next(&field)) { … }
//   return reader.fault() == WireFault::kNone;
class WireReader {
 public:
  // Protobuf's parsers stop at this many messages and groups in one another.
  static constexpr int kMaxDepth = 100;

  // `depth`: how many messages this one is inside of.
  explicit WireReader(absl::string_view bytes, int depth = 0)
      : at_(bytes.data()), end_(at_ + bytes.size()), depth_(depth) {}

  // The next field, a whole group being one. False at the end, and at a fault.
  bool Next(WireField* field) {
    std::uint32_t tag = 0;
    if (at_ == end_ || !ReadTag(&tag)) return false;
    field->number = tag >> 3;
    field->type = static_cast<WireType>(tag & 7);
    if (field->number == 0) return Fail(WireFault::kTag);
    return ReadValue(field);
  }

  // One varint, as packed fields have them. False at the end, and at a fault.
  bool NextVarint(std::uint64_t* value) { return at_ != end_ && ReadVarint(value); }
  bool NextFixed64(std::uint64_t* value) { return at_ != end_ && ReadFixed64(value); }

  // Where the next field begins.
  const char* at() const { return at_; }
  WireFault fault() const { return fault_; }

 private:
  bool Fail(WireFault fault) {
    fault_ = fault;
    return false;
  }

  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  bool ReadTag(std::uint32_t* tag) {
    *tag = static_cast<unsigned char>(*at_);
    if (*tag >= 0x80) return ReadLong32(tag);
    ++at_;
    return true;
  }

  bool ReadValue(WireField* field) {
    switch (field->type) {
      case WireType::kVarint:
        return ReadVarint(&field->bits);
      case WireType::kFixed64:
        return ReadFixed64(&field->bits);
      case WireType::kBytes:
        return ReadBytes(&field->bytes);
      case WireType::kFixed32:
        return ReadFixed32(&field->bits);
      case WireType::kGroup:
        return SkipGroup(field->number);
      case WireType::kEndGroup:
        return Fail(WireFault::kGroup);
    }
    return Fail(WireFault::kTag);
  }

  bool ReadVarint(std::uint64_t* value) {
    if (at_ == end_) return Fail(WireFault::kCutOff);
    *value = static_cast<unsigned char>(*at_);
    if (*value >= 0x80) return ReadLong64(value);
    ++at_;
    return true;
  }

  bool ReadBytes(absl::string_view* bytes) {
    if (at_ == end_) return Fail(WireFault::kCutOff);
    std::uint32_t size = static_cast<unsigned char>(*at_);
    if (size < 0x80) {
      ++at_;
    } else if (!ReadLongSize(&size)) {
      return false;
    }
    if (size > left()) return Fail(WireFault::kCutOff);
    *bytes = {at_, size};
    at_ += size;
    return true;
  }

  bool ReadFixed64(std::uint64_t* value) { return ReadFixed<std::uint64_t>(value); }
  bool ReadFixed32(std::uint64_t* value) { return ReadFixed<std::uint32_t>(value); }

  template <typename Fixed>
  bool ReadFixed(std::uint64_t* value) {
    static_assert(std::endian::native == std::endian::little);
    Fixed fixed;
    if (left() < sizeof(fixed)) return Fail(WireFault::kCutOff);
    std::memcpy(&fixed, at_, sizeof(fixed));
    at_ += sizeof(fixed);
    *value = fixed;
    return true;
  }

  bool ReadLong32(std::uint32_t* value);
  bool ReadLongSize(std::uint32_t* value);
  bool ReadLong64(std::uint64_t* value);
  bool SkipGroup(std::uint32_t number);

  const char* at_;
  const char* end_;
  int depth_;
  WireFault fault_ = WireFault::kNone;
};

}  // namespace eventbus::wire
