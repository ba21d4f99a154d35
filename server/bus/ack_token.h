#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace eventbus::bus {

// What stands for a delivered event, or for a batch of them, until it is settled.
struct AckToken {
  // The stream: random, so that a token cannot be guessed.
  std::uint64_t stream = 0;
  // Of the event, counted from 0 over the stream; of a batch that of its last event. Below 2^47.
  std::uint64_t number = 0;
  bool batch = false;

  bool operator==(const AckToken&) const = default;
};

// The text that clients give back: opaque to them, 19 characters of `[A-Za-z0-9_-]`.
std::string FormatAckToken(const AckToken& token);

// Unset where `text` was not made by FormatAckToken.
absl::optional<AckToken> ParseAckToken(absl::string_view text);

}  // namespace eventbus::bus
