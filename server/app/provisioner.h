#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/serial_task.h"
#include "server/event/catalog.h"
#include "server/kafka/admin.h"

namespace eventbus::app {

// Provisions the schema's topics once, in the background, and logs what came of it. Thread-safe;
// what is handed in outlives it.
class Provisioner {
 public:
  // `executor` is one whose threads may block. `on_done` runs there once, when done() has become
  // true.
  Provisioner(const event::Catalog& catalog, std::int32_t replication_factor, kafka::Admin& admin,
              Executor& executor, const Clock& clock, std::function<void()> on_done);

  // Tries, unless it is done: again every five seconds while Kafka does not answer. Never twice at
  // once.
  void Start() { task_.Wake(); }
  // Begins no further try.
  void Stop() { task_.Stop(); }

  // The topics are there, or are known not to be had.
  bool done() const { return done_.load(); }

 private:
  void Try();

  const event::Catalog& catalog_;
  const std::int32_t replication_factor_;
  kafka::Admin& admin_;
  const Clock& clock_;
  const std::function<void()> on_done_;
  std::atomic<bool> done_{false};
  SerialTask task_;  // Last: stops before what it uses goes.
};

}  // namespace eventbus::app
