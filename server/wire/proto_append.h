#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace eventbus::wire {

// Append protobuf's wire format, field by field. Numbers of zero and empty text are left out, as
// proto3 does for fields without presence.
void AppendVarint(std::uint64_t value, std::string& out);
void AppendNumber(std::uint32_t field, std::int64_t value, std::string& out);
void AppendText(std::uint32_t field, absl::string_view text, std::string& out);

// Written also where it is empty.
void AppendBytes(std::uint32_t field, absl::string_view bytes, std::string& out);

// The tag and length of a length-delimited field, whose bytes follow.
void AppendPrefix(std::uint32_t field, std::size_t size, std::string& out);
// How many bytes that is, for a field number up to 15.
std::size_t PrefixSize(std::size_t size);

}  // namespace eventbus::wire
