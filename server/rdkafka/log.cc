#include "server/rdkafka/log.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"

namespace eventbus::rdkafka {
namespace {

constexpr int kLinesPerPeriod = 5;
constexpr absl::Duration kPeriod = absl::Seconds(10);

// librdkafka uses syslog's levels: 0 emergency, 3 error, 4 warning, 5 notice, 6 info, 7 debug.
LogLevel LevelOf(int syslog_level, absl::string_view facility) {
  // Properties of the other type of client; the embedded Kafka's age; said by FAIL as well.
  if (facility == "CONFWARN" || facility == "AUTOCREATE" || facility == "_TRANSPORT") {
    return LogLevel::kDebug;
  }
  if (syslog_level <= 3) return LogLevel::kError;
  if (syslog_level == 4) return LogLevel::kWarning;
  if (syslog_level <= 6) return LogLevel::kInfo;
  return LogLevel::kDebug;
}

}  // namespace

LogLimiter::Decision LogLimiter::Admit(absl::string_view kind) {
  const absl::Time now = clock_.Now();
  MutexLock lock(mu_);
  Window& window = windows_[std::string(kind)];
  Decision decision;
  if (now >= window.start + period_) {
    decision.suppressed = window.suppressed;
    window = Window{now, 0, 0};
  }
  decision.pass = window.passed < per_period_;
  if (decision.pass) {
    ++window.passed;
  } else {
    ++window.suppressed;
  }
  return decision;
}

void LogLine(const rd_kafka_t* client, int syslog_level, const char* facility,
             const char* message) {
  // Never destroyed: clients may log while the process ends.
  static auto& limiter = *new LogLimiter(Clock::System(), kLinesPerPeriod, kPeriod);
  const LogLevel level = LevelOf(syslog_level, facility);
  const bool limited = level == LogLevel::kWarning || level == LogLevel::kError;
  const LogLimiter::Decision decision =
      limited ? limiter.Admit(facility) : LogLimiter::Decision{true, 0};
  if (decision.suppressed > 0) {
    Log(level, "librdkafka repeated itself",
        {{"facility", facility}, {"suppressed", absl::StrCat(decision.suppressed)}});
  }
  if (!decision.pass) return;
  const char* name = client == nullptr ? "" : rd_kafka_name(client);
  Log(level, message, {{"from", "librdkafka"}, {"client", name}, {"facility", facility}});
}

}  // namespace eventbus::rdkafka
