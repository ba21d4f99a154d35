#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/mutex.h"
#include "server/bus/stream.h"

namespace eventbus::rpc {

// Every live stream, from before it begins until gRPC is done with it. Thread-safe.
class StreamRegistry {
 public:
  using Id = std::uint64_t;

  explicit StreamRegistry(std::size_t max_streams) : max_streams_(max_streams) {}

  // A place for one stream. TOO_MANY_STREAMS, or SERVER_DRAINING after Drain.
  absl::StatusOr<Id> Enter();
  // The stream itself. Drained at once where Drain has been called.
  void Attach(Id id, std::weak_ptr<bus::LiveStream> stream);
  void Leave(Id id);

  // Drains every stream, and refuses new ones.
  void Drain(absl::Duration remaining);
  // True: no stream is left; false: `timeout` is over.
  bool WaitUntilEmpty(absl::Duration timeout);
  // Wakes every stream.
  void WakeAll();
  std::size_t size() const;
  // How many streams have been refused because of Drain.
  std::int64_t refused() const;

 private:
  const std::size_t max_streams_;
  mutable Mutex mu_;
  CondVar changed_;
  std::map<Id, std::weak_ptr<bus::LiveStream>> streams_ ABSL_GUARDED_BY(mu_);
  Id last_ ABSL_GUARDED_BY(mu_) = 0;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  std::int64_t refused_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Duration remaining_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::rpc
