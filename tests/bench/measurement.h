#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace eventbus::bench {

// What one run came to.
struct Measurement {
  // Published and acknowledged, or delivered to a client; counted where they arrive.
  std::int64_t events = 0;
  absl::Duration elapsed;
  // User and system time of the process that served.
  absl::Duration cpu;
  // Of requests in a closed loop; zero where there is none.
  absl::Duration p50;
  absl::Duration p99;
  // Of the server at the end of the run, its streams still open; zero where not taken.
  std::int64_t resident_bytes = 0;
  int threads = 0;

  double rate() const { return static_cast<double>(events) / absl::ToDoubleSeconds(elapsed); }
  double cpu_micros() const {
    return absl::ToDoubleMicroseconds(cpu) / static_cast<double>(events);
  }
};

// How long a closed loop runs: until the time is up, or the events are sent. Starts when made.
class Budget {
 public:
  Budget(absl::Duration duration, std::int64_t max_events)
      : begin_(absl::Now()), deadline_(begin_ + duration), left_(max_events) {}

  // Whether `events` more are to be sent; once false, always false.
  bool Take(std::int64_t events) {
    if (left_ < events || absl::Now() >= deadline_) left_ = 0;
    if (left_ == 0) return false;
    left_ -= events;
    return true;
  }

  absl::Duration elapsed() const { return absl::Now() - begin_; }

 private:
  const absl::Time begin_;
  const absl::Time deadline_;
  std::int64_t left_;
};

// Times of requests.
class Latencies {
 public:
  void Add(absl::Duration latency) { values_.push_back(latency); }

  // `fraction` of them were at most so long; zero where there are none.
  absl::Duration Percentile(double fraction) {
    if (values_.empty()) return absl::ZeroDuration();
    const auto last = static_cast<double>(values_.size() - 1);
    const auto at = values_.begin() + static_cast<std::ptrdiff_t>(fraction * last);
    std::nth_element(values_.begin(), at, values_.end());
    return *at;
  }

 private:
  std::vector<absl::Duration> values_;
};

}  // namespace eventbus::bench
