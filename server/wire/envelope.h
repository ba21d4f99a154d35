#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace eventbus::wire {

struct PublishHeader {
  absl::string_view key;
  absl::string_view value;
};

// A PublishRequest with the bytes of its event left as they are. Views into the bytes it was read
// from, but for `merged`.
struct PublishEnvelope {
  enum class Content { kNone, kEvent, kJson };

  Content content = Content::kNone;
  // The bytes of the Event, or the JSON.
  absl::string_view body() const { return merged.empty() ? first : absl::string_view(merged); }
  std::vector<PublishHeader> headers;
  absl::optional<absl::string_view> ordering_key;

  absl::string_view first;
  // Protobuf merges a sub-message that occurs again: its occurrences, one after the other.
  std::string merged;
};

// Walks a PublishRequest at wire level, by protobuf's rules, and checks all but its event. Errors
// (base/error), every violation with its field path below `path` (empty, or ending in a dot):
//   REQUEST_INVALID  not protobuf, no content, a header or ordering_key out of its bounds
//   UNKNOWN_FIELD    a field that the API does not have
absl::StatusOr<PublishEnvelope> ParsePublishRequest(absl::string_view request,
                                                    absl::string_view path);

// A PublishResponse.
std::string PublishResponseBytes(absl::string_view event_id, absl::string_view topic,
                                 std::int32_t partition, std::int64_t offset);
void AppendPublishResponse(absl::string_view event_id, absl::string_view topic,
                           std::int32_t partition, std::int64_t offset, std::string& out);

}  // namespace eventbus::wire
