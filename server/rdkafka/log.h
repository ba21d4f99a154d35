#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace eventbus::rdkafka {

// Lets a few of the same kind through in each period and counts the rest: librdkafka repeats itself
// at every attempt to connect, in every client. Thread-safe.
class LogLimiter {
 public:
  struct Decision {
    bool pass = false;
    // How many of the kind were held back in earlier periods; told once.
    std::int64_t suppressed = 0;
  };

  LogLimiter(const Clock& clock, int per_period, absl::Duration period)
      : clock_(clock), per_period_(per_period), period_(period) {}

  Decision Admit(absl::string_view kind);

 private:
  struct Window {
    absl::Time start = absl::InfinitePast();
    int passed = 0;
    std::int64_t suppressed = 0;
  };

  const Clock& clock_;
  const int per_period_;
  const absl::Duration period_;
  Mutex mu_;
  // By librdkafka's facility (`FAIL`, `ERROR`), of which there are few dozen.
  std::map<std::string, Window, std::less<>> windows_ ABSL_GUARDED_BY(mu_);
};

// librdkafka's log callback: to base/log, at most five lines of one facility in ten seconds at
// warning and above.
void LogLine(const rd_kafka_t* client, int syslog_level, const char* facility, const char* message);

}  // namespace eventbus::rdkafka
