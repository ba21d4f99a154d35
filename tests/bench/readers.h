#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"

namespace eventbus::bench {

// Streams of Subscribe, each over a connection of its own, read by one thread that counts what it
// gets. The owner calls all methods from one thread.
class Readers {
 public:
  // Opens `count` streams and returns once each has `Started`: what is published from then on
  // comes.
  static absl::StatusOr<std::unique_ptr<Readers>> Open(const std::string& address,
                                                       const v1::SubscribeRequest& request,
                                                       int count);

  // Cancels what is still open.
  ~Readers();

  // Events delivered to the stream that has the fewest.
  std::int64_t slowest() const;

  // Until each stream has `events`, each counted from its start. An error where one ends before,
  // has more, or none gets any for a while.
  absl::Status WaitForEach(std::int64_t events);

  // Whether a stream ended with an error, which WaitForEach will say.
  bool failed() const { return !FirstError().ok(); }

  // When the last of them was `Started`, and when the last event came.
  absl::Time started() const;
  absl::Time last_delivery() const;

  // Until all streams ended; an error unless with OK. For requests that say where they end.
  absl::Status WaitForEnd();

 private:
  class Stream;

  Readers() = default;

  void Run();
  bool AllEnded() const;
  absl::Status FirstError() const;
  template <typename Condition>
  absl::Status WaitFor(const char* what, Condition condition) const;

  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::thread thread_;
};

}  // namespace eventbus::bench
