#pragma once

#include <cstdint>

#include "server/wire/plan.h"

namespace eventbus::wire {

// How many bytes of a field follow its tag.
enum class WireType : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

// That of one value of a field; packed ones are kBytes.
constexpr WireType WireTypeOf(FieldKind kind) {
  switch (kind) {
    case FieldKind::kBool:
    case FieldKind::kInt64:
    case FieldKind::kEnum:
      return WireType::kVarint;
    case FieldKind::kDouble:
      return WireType::kFixed64;
    default:
      return WireType::kBytes;
  }
}

}  // namespace eventbus::wire
