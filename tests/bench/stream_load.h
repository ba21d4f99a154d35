#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/measurement.h"

namespace eventbus::bench {

// How PublishStream is used.
struct StreamShape {
  int streams = 1;
  // Of each stream, unanswered.
  int messages_in_flight = 1;
  int events_per_message = 1;
};

// A closed loop over one connection, from this thread alone, until the budget is spent; all
// messages are answered and all streams ended with OK on return. Any failure is the result.
absl::StatusOr<Measurement> RunStreams(const std::shared_ptr<grpc::Channel>& channel,
                                       const StreamShape& shape, Budget budget);

}  // namespace eventbus::bench
