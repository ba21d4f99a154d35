#include "server/rdkafka/log.h"

#include <spdlog/spdlog.h>

#include "server/base/strings.h"

namespace eventbus::rdkafka {
namespace {

constexpr int kLinesPerPeriod = 5;
constexpr absl::Duration kPeriod = absl::Seconds(10);

// librdkafka uses syslog's levels: 0 emergency, 3 error, 4 warning, 5 notice, 6 info, 7 debug.
spdlog::level::level_enum LevelOf(int syslog_level, absl::string_view facility) {
  // Properties of the other type of client; the embedded Kafka's age; said by FAIL as well.
  if (facility == "CONFWARN" || facility == "AUTOCREATE" || facility == "_TRANSPORT") {
    return spdlog::level::debug;
  }
  if (syslog_level <= 2) return spdlog::level::critical;
  if (syslog_level == 3) return spdlog::level::err;
  if (syslog_level == 4) return spdlog::level::warn;
  if (syslog_level <= 6) return spdlog::level::info;
  return spdlog::level::debug;
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

void LogToSpdlog(const rd_kafka_t* client, int syslog_level, const char* facility,
                 const char* message) {
  // Never destroyed: clients may log while the process ends.
  static auto& limiter = *new LogLimiter(Clock::System(), kLinesPerPeriod, kPeriod);
  const auto level = LevelOf(syslog_level, facility);
  if (!spdlog::should_log(level)) return;
  const char* name = client == nullptr ? "rdkafka" : rd_kafka_name(client);
  if (level < spdlog::level::warn) return spdlog::log(level, "{}: {}: {}", name, facility, message);
  const LogLimiter::Decision decision = limiter.Admit(facility);
  if (decision.suppressed > 0) {
    spdlog::log(level, "rdkafka: {}: {} lines suppressed", facility, decision.suppressed);
  }
  if (decision.pass) spdlog::log(level, "{}: {}: {}", name, facility, message);
}

}  // namespace eventbus::rdkafka
