#pragma once

#include <cstdint>

namespace eventbus::wire {

// As many characters as FormatTimestamp writes at most: `0001-01-01T00:00:00.123456789Z`.
inline constexpr int kMaxTimestampLength = 30;

// Whether the fields of a google.protobuf.Timestamp are in their ranges: the years 0001-9999, and
// 0-999,999,999 nanoseconds.
bool IsTimestamp(std::int64_t seconds, std::int32_t nanos);

// Writes a time in its ranges at `out` as RFC 3339 in Z, and returns the end. The fraction has 0,
// 3, 6 or 9 digits, as few as hold it.
char* FormatTimestamp(std::int64_t seconds, std::int32_t nanos, char* out);

}  // namespace eventbus::wire
