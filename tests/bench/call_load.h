#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/measurement.h"

namespace eventbus::bench {

// A connection of its own: none shares it.
std::shared_ptr<grpc::Channel> Connect(const std::string& address);

// A unary method, and what is sent to it.
struct Calls {
  std::string method;
  std::vector<grpc::ByteBuffer> requests;
  int events_per_request = 1;
  // The events that a response acknowledges.
  std::function<absl::StatusOr<std::int64_t>(const grpc::ByteBuffer&)> count;
};

// Publish, one event a call.
Calls PublishCalls();
// PublishBatch, `events` a call.
Calls BatchCalls(int events);

// A closed loop: keeps `outstanding` calls under way over one connection, from this thread alone,
// until the budget is spent; all are answered on return. Any failure is the result. The first call
// waits until the server serves.
absl::StatusOr<Measurement> RunCalls(const std::shared_ptr<grpc::Channel>& channel,
                                     const Calls& calls, int outstanding, Budget budget);

}  // namespace eventbus::bench
