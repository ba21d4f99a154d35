#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eventbus::wire {

// The most bytes that a message of Publish, PublishBatch or PublishStream may have.
constexpr std::size_t kMaxPublishBytes = 4u << 20;
// The most requests that one of PublishBatch or PublishStream may have.
constexpr std::size_t kMaxPublishRequests = 1000;

// The requests of a PublishBatchRequest or a PublishStreamRequest, which are written alike, in
// their order: views into `message`, whose whole outer framing has been walked. What is inside of
// them has not been looked at. Errors (base/error):
//   REQUEST_INVALID  not protobuf outside of its requests, or out of the bounds above
//   UNKNOWN_FIELD    a field that the API does not have beside its requests
absl::StatusOr<std::vector<absl::string_view>> SplitPublishRequests(absl::string_view message);

// Writes a PublishBatchResponse or a PublishStreamResponse, result after result. With 1,000 of them
// it stays below 3 MiB, whatever their errors say. Not thread-safe.
class PublishResults {
 public:
  void AddPublished(absl::string_view event_id, absl::string_view topic, std::int32_t partition,
                    std::int64_t offset);

  // `error`, made by base/error, as a PublishError: a message of at most 512 bytes; violations up
  // to 2 KiB, the last entry saying how many are missing. What is not UTF-8 is `?`.
  void AddError(const absl::Status& error);

  std::string Take() { return std::move(out_); }

 private:
  // A result whose member `field` has the bytes of `inner_`.
  void AddResult(std::uint32_t field);

  std::string inner_;
  std::string out_;
};

}  // namespace eventbus::wire
