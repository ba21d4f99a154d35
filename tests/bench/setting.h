#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/direct.h"
#include "tests/bench/measurement.h"
#include "tests/bench/process.h"

namespace eventbus::bench {

// Where and how long.
struct Setting {
  // Of a Kafka that nobody else uses meanwhile: offsets are counted.
  std::string bootstrap;
  // The program eventbus-server, and this one, which is its own empty server.
  std::string server;
  std::string self;
  // For logs.
  std::string directory;
  int repetitions = 3;
  // Of a closed loop, whichever comes first; and of what is written to be read.
  absl::Duration duration = absl::Milliseconds(800);
  std::int64_t max_events = 300'000;

  Budget budget() const { return Budget(duration, max_events); }
  // To make connections and fill caches.
  Budget warm_up() const { return Budget(duration / 4, max_events / 4); }
};

// A fresh server that serves, its topics made.
absl::StatusOr<std::unique_ptr<ServerProcess>> StartServer(const Setting& setting);

// A fresh server whose Publish does nothing.
absl::StatusOr<std::unique_ptr<ServerProcess>> StartEmptyServer(const Setting& setting);

// Data loss unless the topic grew from `before` by as many records as `events`.
absl::Status CheckGrowth(const DirectProducer& producer, const Offsets& before,
                         std::int64_t events);

}  // namespace eventbus::bench
