#include "server/app/options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace eventbus::app {
namespace {

constexpr std::size_t kMaxGroupId = 249;
constexpr char kAbout[] =
    "Typed events over gRPC, documented JSON on Kafka.\n"
    "Every flag can be given as EVENTBUS_<FLAG> instead (EVENTBUS_MAX_STREAMS=100). The flag wins, "
    "then\nEVENTBUS_<FLAG>, then KAFKA_BOOTSTRAP_SERVERS, KAFKA_GROUP_ID and "
    "KAFKA_AUTO_OFFSET_RESET.";

std::string EnvName(std::string flag) {
  std::transform(flag.begin(), flag.end(), flag.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return "EVENTBUS_" + flag;
}

// May be given several times; one variable holds them all, separated by `separator`.
void AddList(CLI::App& app, const std::string& flag, std::vector<std::string>& values,
             char separator, const std::string& help) {
  app.add_option("--" + flag, values, help)->envname(EnvName(flag))->delimiter(separator);
}

template <typename T>
CLI::Option* Add(CLI::App& app, const std::string& flag, T& value, const std::string& help) {
  return app.add_option("--" + flag, value, help)->envname(EnvName(flag))->capture_default_str();
}

void AddFlag(CLI::App& app, const std::string& flag, bool& value, const std::string& help) {
  app.add_flag("--" + flag, value, help)->envname(EnvName(flag));
}

CLI::Validator DurationFrom(absl::Duration least, absl::Duration most) {
  const auto check = [least, most](const std::string& text) -> std::string {
    absl::Duration duration;
    if (absl::ParseDuration(text, &duration) && duration >= least && duration <= most) return "";
    return absl::StrCat("\"", text, "\", ", absl::FormatDuration(least), " to ",
                        absl::FormatDuration(most), " is allowed");
  };
  return {check, "", "duration"};
}

void AddListening(CLI::App& app, Options& options) {
  AddList(app, "listen", options.listen, ',',
          "Address to serve on, host:port or unix:path; may be given several times, separated by "
          "commas "
          "in the environment [127.0.0.1:50051 and unix:/tmp/eventbus-<uid>.sock]");
  AddFlag(app, "allow_plaintext", options.allow_plaintext,
          "Serve without TLS on addresses that other machines can reach");
}

void AddKafka(CLI::App& app, Options& options) {
  Add(app, "kafka_bootstrap_servers", options.kafka_bootstrap_servers,
      "Kafka brokers, host:port separated by commas; else KAFKA_BOOTSTRAP_SERVERS");
  Add(app, "kafka_group_id", options.kafka_group_id,
      "Consumer group of readers that name none; else KAFKA_GROUP_ID");
  Add(app, "kafka_auto_offset_reset", options.kafka_auto_offset_reset,
      "earliest or latest: where a group begins that has no offset and whose reader does not say; "
      "else KAFKA_AUTO_OFFSET_RESET")
      ->check(CLI::IsMember({"earliest", "latest"}));
  Add(app, "kafka_config", options.kafka_config,
      "File of librdkafka properties, key=value a line: the place for credentials");
  AddList(app, "kafka_property", options.kafka_properties, ';',
          "librdkafka property, key=value; may be given several times, separated by ; in the "
          "environment");
  AddFlag(
      app, "embedded_kafka", options.embedded_kafka,
      "Serve a Kafka inside this process, in memory, for development; what it holds goes with it");
}

void AddTopics(CLI::App& app, Options& options) {
  AddFlag(app, "provision_topics", options.provision_topics,
          "Create the schema's topics where they are missing; report what differs, change nothing");
  Add(app, "replication_factor", options.replication_factor,
      "Copies of each partition of a topic that is created")
      ->check(CLI::Range(1, 32767));
}

void AddLimits(CLI::App& app, Options& options) {
  Add(app, "max_event_bytes", options.max_event_bytes, "The most bytes an event's JSON may have")
      ->check(CLI::Range(std::size_t{1}, std::size_t{2} << 20));
  Add(app, "max_streams", options.max_streams, "The most streams served at once")
      ->check(CLI::Range(std::size_t{1}, std::size_t{100'000}));
  Add(app, "max_delivered_span", options.max_delivered_span,
      "Offsets of a partition from a group's first event that is not settled to the last "
      "delivered, 1000 to 100000: past it the partition waits, others go on; the same on all "
      "servers")
      ->check(CLI::Range(std::int64_t{1'000}, std::int64_t{100'000}));
}

// Sets `value` to the variable's, where it is set and not empty.
void FromEnvironment(const char* variable, std::string& value) {
  const char* text = std::getenv(variable);
  if (text != nullptr && *text != '\0') value = text;
}

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
}

bool IsLoopback(absl::string_view host) {
  return host == "localhost" || host == "[::1]" || absl::StartsWith(host, "127.");
}

absl::Status CheckListen(const std::string& address, bool allow_plaintext) {
  if (absl::StartsWith(address, "unix:")) {
    if (address.size() > 5) return absl::OkStatus();
    return absl::InvalidArgumentError("listen: \"unix:\", unix:path is required");
  }
  const std::size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("listen: \"", address, "\", host:port (0-65535) or unix:path is allowed"));
  }
  if (!allow_plaintext && !IsLoopback(address.substr(0, colon))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "listen: \"", address, "\" can be reached from other machines and would not be encrypted; ",
        "use a loopback address or unix:path, or say --allow_plaintext"));
  }
  return absl::OkStatus();
}

std::vector<std::string> DefaultListen() {
  return {"127.0.0.1:50051", absl::StrCat("unix:/tmp/eventbus-", getuid(), ".sock")};
}

ParsedOptions Exit(ParsedOptions parsed, int code) {
  parsed.exit = true;
  parsed.exit_code = code;
  return parsed;
}

}  // namespace

absl::Status Options::Validate() const {
  for (const std::string& address : listen) {
    if (absl::Status status = CheckListen(address, allow_plaintext); !status.ok()) return status;
  }
  if (kafka_auto_offset_reset != "earliest" && kafka_auto_offset_reset != "latest") {
    return absl::InvalidArgumentError(
        absl::StrCat("kafka_auto_offset_reset (KAFKA_AUTO_OFFSET_RESET): \"",
                     kafka_auto_offset_reset, "\", earliest or latest is allowed"));
  }
  if (!std::all_of(kafka_group_id.begin(), kafka_group_id.end(), IsNameCharacter) ||
      kafka_group_id.size() > kMaxGroupId) {
    return absl::InvalidArgumentError(absl::StrCat("kafka_group_id (KAFKA_GROUP_ID): \"",
                                                   kafka_group_id, "\", at most ", kMaxGroupId,
                                                   " of [A-Za-z0-9._-] are allowed"));
  }
  if (kafka_bootstrap_servers.empty()) {
    return absl::InvalidArgumentError(
        "kafka_bootstrap_servers: empty, host:port separated by commas is required");
  }
  return absl::OkStatus();
}

ParsedOptions ParseOptions(int argc, const char* const* argv) {
  ParsedOptions parsed;
  Options& options = parsed.options;
  FromEnvironment("KAFKA_BOOTSTRAP_SERVERS", options.kafka_bootstrap_servers);
  FromEnvironment("KAFKA_GROUP_ID", options.kafka_group_id);
  FromEnvironment("KAFKA_AUTO_OFFSET_RESET", options.kafka_auto_offset_reset);

  CLI::App app(kAbout, "eventbus-server");
  std::string drain_timeout = "25s";
  std::string commit_interval = "1s";
  AddListening(app, options);
  AddKafka(app, options);
  AddTopics(app, options);
  AddLimits(app, options);
  Add(app, "drain_timeout", drain_timeout,
      "All of a shutdown at SIGTERM or SIGINT, 1s to 1h; a second signal ends the process at once")
      ->check(DurationFrom(absl::Seconds(1), absl::Hours(1)));
  Add(app, "commit_interval", commit_interval,
      "Between commits of a consumer group, 100ms to 10s: what a crash delivers again")
      ->check(DurationFrom(absl::Milliseconds(100), absl::Seconds(10)));
  Add(app, "log_level", options.log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  app.set_version_flag("--version", "eventbus-server " EVENTBUS_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return Exit(parsed, app.exit(error));
  }
  if (options.listen.empty()) options.listen = DefaultListen();
  if (!absl::ParseDuration(drain_timeout, &options.drain_timeout) ||
      !absl::ParseDuration(commit_interval, &options.commit_interval)) {
    return Exit(parsed, 1);
  }
  if (absl::Status status = options.Validate(); !status.ok()) {
    std::cerr << "eventbus-server: " << status.message() << "\n";
    return Exit(parsed, 1);
  }
  return parsed;
}

}  // namespace eventbus::app
