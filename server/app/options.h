#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace eventbus::app {

// Everything that can be set, by flag or environment; `--help` says the same in words.
struct Options {
  // host:port, [ipv6]:port or unix:path; port 0 takes a free one.
  std::vector<std::string> listen;
  bool allow_plaintext = false;

  std::string kafka_bootstrap_servers = "localhost:9092";
  // The group of a Subscribe that names none; empty: it must name one.
  std::string kafka_group_id;
  // Where a group starts that does not say: earliest or latest.
  std::string kafka_auto_offset_reset = "earliest";
  std::string kafka_config;
  std::vector<std::string> kafka_properties;
  bool embedded_kafka = false;

  bool provision_topics = false;
  std::int32_t replication_factor = 1;

  std::size_t max_event_bytes = 1'000'000;
  std::size_t max_streams = 900;
  // Of a partition in a group: from the first event that is not settled to the last read.
  std::int64_t max_delivered_span = 10'000;
  // Between commits of a group.
  absl::Duration commit_interval = absl::Seconds(1);
  // All of a shutdown.
  absl::Duration drain_timeout = absl::Seconds(25);
  std::string log_level = "info";

  // Checks what no flag parser can. InvalidArgument: `flag: what was, what is allowed`.
  absl::Status Validate() const;
};

// What ParseOptions came to: options to run with, or an exit code where the process is to end
// (after
// --help: 0; after a wrong value: not 0). It has printed by then what there is to say.
struct ParsedOptions {
  Options options;
  bool exit = false;
  int exit_code = 0;
};

// Reads flags, `EVENTBUS_<FLAG>` and the documented KAFKA_* variables, in this order of precedence.
ParsedOptions ParseOptions(int argc, const char* const* argv);

}  // namespace eventbus::app
