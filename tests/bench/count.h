#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"

namespace eventbus::bench {

// What a `SubscribeResponse` is, seen from its outer tags alone: a client that parsed its events
// would be slower than the server that it measures.
struct Delivery {
  bool started = false;
  // Of a batch.
  std::int64_t events = 0;
};

// Data loss where the bytes are not a `SubscribeResponse`.
absl::StatusOr<Delivery> CountDelivered(const grpc::ByteBuffer& response);

// The events of a `PublishBatchResponse` or `PublishStreamResponse`, all of them published; the
// first error where one is not.
absl::StatusOr<std::int64_t> CountPublished(const grpc::ByteBuffer& response);

}  // namespace eventbus::bench
