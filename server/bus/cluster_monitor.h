#pragma once

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/mutex.h"
#include "server/base/serial_task.h"
#include "server/kafka/admin.h"

namespace eventbus::bus {

// Asks Kafka how it is, again and again, and keeps its last answer: what health, and readers that
// look for new partitions, go by. Thread-safe.
class ClusterMonitor {
 public:
  struct Options {
    // Between questions while Kafka answers, and while it does not.
    absl::Duration interval = absl::Seconds(2);
    absl::Duration retry_interval = absl::Milliseconds(500);
    // For one answer.
    absl::Duration timeout = absl::Seconds(3);
  };
  // Runs on the executor, one at a time, when `available` or the topics changed.
  using OnChange = std::function<void(bool available)>;

  // `executor` is one whose threads may block.
  ClusterMonitor(kafka::Admin& admin, Executor& executor, const Clock& clock, Options options);
  ~ClusterMonitor();

  // Once.
  void Start(OnChange on_change);
  // No question begins after this. Does not wait for the one under way.
  void Stop();

  // The last answer, whether Kafka still answers or not; null until the first.
  std::shared_ptr<const kafka::ClusterMetadata> latest() const;
  // Whether the last question was answered.
  bool available() const;

 private:
  void Ask();

  kafka::Admin& admin_;
  const Clock& clock_;
  const Options options_;
  OnChange on_change_;
  mutable Mutex mu_;
  std::shared_ptr<const kafka::ClusterMetadata> latest_ ABSL_GUARDED_BY(mu_);
  bool available_ ABSL_GUARDED_BY(mu_) = false;
  SerialTask task_;  // Last: stops before what it uses goes.
};

}  // namespace eventbus::bus
