#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/measurement.h"

namespace eventbus::bench {

// How a member of a group says what it has dealt with.
enum class Settle {
  // Not at all: Subscribe under `ACK_MODE_AUTO`.
  kNever,
  // Subscribe, and an Acknowledge a batch: with the batch's token, or with those of its events.
  kBatches,
  kEvents,
  // Consume, with the batch's token.
  kByConsume,
};

// One stream that reads what `request` says and settles each batch as it comes, waiting for no
// answer, over one connection and on this thread; returns at the stream's end, once all is
// answered. Its time is from `Started` to the last delivery or answer, its latencies are those of
// the answers. A token that is not taken is an error.
absl::StatusOr<Measurement> RunMember(const std::shared_ptr<grpc::Channel>& channel,
                                      const v1::SubscribeRequest& request, Settle settle);

}  // namespace eventbus::bench
