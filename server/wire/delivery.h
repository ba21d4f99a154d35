#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/wire/decode.h"

namespace eventbus::wire {

// A client's default limit for one message is 4 MiB; ours stay under 3.
inline constexpr std::size_t kMaxResponseBytes = 3u << 20;

// Of a token as the API promises it.
inline constexpr std::size_t kMaxAckTokenBytes = 24;

struct ReceivedHeader {
  absl::string_view key;
  absl::string_view value;
};

// What a reader is told of a record besides its event.
struct ReceivedRecord {
  absl::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  // Milliseconds since the epoch; negative: none.
  std::int64_t timestamp_ms = -1;
  absl::optional<absl::string_view> key;
  absl::optional<absl::string_view> value;
  std::vector<ReceivedHeader> headers;
  // What settles it; empty: nothing does. At most kMaxAckTokenBytes.
  absl::string_view ack_token = {};
  // 1 and its failures so far; 0: not counted.
  int delivery_attempt = 0;
};

// Appends one entry of EventBatch.events (tag, length, ReceivedEvent), at most `max_bytes`: of what
// would pass that, first `json` is left out, then the body (undecodable, TOO_LARGE), then headers,
// then the key and the event's id and type; never the token or the attempt.
void AppendReceivedEvent(const ReceivedRecord& record,
                         const std::variant<Decoded, Undecodable>& body, bool include_json,
                         std::size_t max_bytes, std::string& batch);

// Appends EventBatch.ack_token, which stands after the events; nothing where it is empty.
void AppendBatchToken(absl::string_view ack_token, std::string& batch);
// How many bytes that is at most.
inline constexpr std::size_t kMaxBatchTokenBytes = 2 + kMaxAckTokenBytes;

// What stands before the bytes of an EventBatch in a SubscribeResponse.
std::string BatchPrefix(std::size_t batch_bytes);

}  // namespace eventbus::wire
