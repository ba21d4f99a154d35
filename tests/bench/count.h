#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"

namespace eventbus::bench {

// What a `SubscribeResponse` is, seen from its outer tags alone: a client that parsed its events
// would be slower than the server that it measures.
struct Delivery {
  bool started = false;
  // Of a batch.
  std::int64_t events = 0;
  std::string ack_token;
  // Of Consume: not a delivery, but the answer to an acknowledgement.
  bool acknowledged = false;
};

// Data loss where the bytes are not a `SubscribeResponse`.
absl::StatusOr<Delivery> CountDelivered(const grpc::ByteBuffer& response);

// The same of a `ConsumeResponse`; the error where an answer has one.
absl::StatusOr<Delivery> CountConsumed(const grpc::ByteBuffer& response);

// The token of each event of a `SubscribeResponse`, in their order.
absl::StatusOr<std::vector<std::string>> EventTokens(const grpc::ByteBuffer& response);

// The first error of an `AcknowledgeResponse`.
absl::Status CheckAcknowledged(const grpc::ByteBuffer& response);

// The events of a `PublishBatchResponse` or `PublishStreamResponse`, all of them published; the
// first error where one is not.
absl::StatusOr<std::int64_t> CountPublished(const grpc::ByteBuffer& response);

}  // namespace eventbus::bench
