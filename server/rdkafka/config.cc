#include "server/rdkafka/config.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/rdkafka/conf.h"

namespace eventbus::rdkafka {
namespace {

// A property that a promise of ours rests on.
struct Promise {
  absl::string_view name;
  // What it may be set to all the same, separated by `|`; empty: nothing.
  absl::string_view allowed;
  absl::string_view why;
};

constexpr absl::string_view kAcksWhy =
    "OK to Publish means that every in-sync replica has the event";
constexpr absl::string_view kOffsetsWhy = "the server itself decides what is committed, and when";
constexpr absl::string_view kServersWhy = "set KAFKA_BOOTSTRAP_SERVERS";
constexpr absl::string_view kGroupWhy = "groups come with each Subscribe, or from KAFKA_GROUP_ID";
constexpr absl::string_view kReportsWhy = "every event is answered from its delivery report";

constexpr Promise kPromises[] = {
    {"acks", "all|-1", kAcksWhy},
    {"request.required.acks", "all|-1", kAcksWhy},
    {"enable.idempotence", "true", "retries must neither duplicate nor reorder events"},
    {"enable.gapless.guarantee", "false", "one expired event would stop the producer"},
    {"transactional.id", "", "events are not written in transactions"},
    {"partitioner", "murmur2_random",
     "Java and Python producers choose the same partition for a key"},
    {"queuing.strategy", "fifo", "events of one key keep their order"},
    {"delivery.report.only.error", "false", kReportsWhy},
    {"enabled_events", "", kReportsWhy},
    {"produce.offset.report", "true", "Publish answers with the offset"},
    {"allow.auto.create.topics", "false", "topics are made with the documented partitions"},
    {"bootstrap.servers", "", kServersWhy},
    {"metadata.broker.list", "", kServersWhy},
    {"client.id", "", "it names the server's host and the stream's client_id"},
    {"group.id", "", kGroupWhy},
    {"group.instance.id", "", "members of one server would fence one another"},
    {"group.protocol", "classic", "members share groups with clients of the classic protocol"},
    {"group.protocol.type", "consumer", "members share groups with consumers"},
    {"partition.assignment.strategy",
     "range|roundrobin|range,roundrobin|roundrobin,range|cooperative-sticky",
     "a group's members must agree on an assignor, and cooperative and eager ones do not mix"},
    {"auto.offset.reset", "error", "set KAFKA_AUTO_OFFSET_RESET, or initial_position in Subscribe"},
    {"enable.auto.commit", "false", kOffsetsWhy},
    {"auto.commit.enable", "false", kOffsetsWhy},
    {"enable.auto.offset.store", "false", kOffsetsWhy},
    {"offset.store.method", "broker", kOffsetsWhy},
    {"isolation.level", "read_committed", "aborted transactions are never delivered"},
    {"enable.partition.eof", "true", "the end of a partition is known by it"},
};

absl::Status Refused(absl::string_view name, absl::string_view value, absl::string_view allowed,
                     absl::string_view why) {
  const std::string choice =
      allowed.empty()
          ? std::string("it may not be set")
          : absl::StrCat("allowed: ", absl::StrJoin(absl::StrSplit(allowed, '|'), " or "));
  return absl::InvalidArgumentError(
      absl::StrCat("Kafka property ", name, ": was '", value, "', ", choice, ": ", why));
}

bool Allows(absl::string_view allowed, absl::string_view value) {
  const std::vector<absl::string_view> values = absl::StrSplit(allowed, '|', absl::SkipEmpty());
  return std::any_of(values.begin(), values.end(), [value](absl::string_view each) {
    return absl::EqualsIgnoreCase(each, value);
  });
}

absl::Status AddProperty(absl::string_view where, absl::string_view text, Properties& out) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  const absl::string_view key = absl::StripAsciiWhitespace(parts[0]);
  if (parts.size() != 2 || key.empty()) {
    // Not quoted: it may be a password.
    return absl::InvalidArgumentError(absl::StrCat(where, ": must be key=value"));
  }
  out[std::string(key)] = std::string(absl::StripAsciiWhitespace(parts[1]));
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
  }
  return text.str();
}

}  // namespace

absl::StatusOr<Properties> ParseProperties(absl::string_view name, absl::string_view text) {
  Properties properties;
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++line_number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') continue;
    const absl::Status status = AddProperty(absl::StrCat(name, ":", line_number), line, properties);
    if (!status.ok()) return status;
  }
  return properties;
}

absl::StatusOr<ClientConfig> MakeClientConfig(absl::string_view bootstrap_servers,
                                              const std::string& config_file,
                                              const std::vector<std::string>& overrides) {
  ClientConfig config;
  config.bootstrap_servers = std::string(bootstrap_servers);
  if (!config_file.empty()) {
    const absl::StatusOr<std::string> text = ReadFile(config_file);
    if (!text.ok()) return text.status();
    absl::StatusOr<Properties> properties = ParseProperties(config_file, *text);
    if (!properties.ok()) return properties.status();
    config.properties = *std::move(properties);
  }
  for (const std::string& each : overrides) {
    const absl::Status status = AddProperty("--kafka_property", each, config.properties);
    if (!status.ok()) return status;
  }
  const absl::Status status = Validate(config);
  if (!status.ok()) return status;
  return config;
}

absl::Status CheckPromises(const Properties& properties) {
  for (const auto& [name, value] : properties) {
    if (absl::StartsWith(name, "test.")) {
      return Refused(name, value, "", "it belongs to librdkafka's own tests; see --embedded_kafka");
    }
    for (const Promise& promise : kPromises) {
      if (name == promise.name && !Allows(promise.allowed, value)) {
        return Refused(name, value, promise.allowed, promise.why);
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Validate(const ClientConfig& config) {
  const absl::Status promises = CheckPromises(config.properties);
  if (!promises.ok()) return promises;
  // Made without a broker to talk to, and dropped.
  ClientConfig offline = config;
  offline.bootstrap_servers.clear();
  absl::StatusOr<ConfHolder> producer = MakeProducerConf(offline);
  if (!producer.ok()) return producer.status();
  absl::StatusOr<ConfHolder> consumer = MakeConsumerConf(offline, offline.client_id);
  if (!consumer.ok()) return consumer.status();
  absl::Status status = MakeClient(RD_KAFKA_PRODUCER, *std::move(producer)).status();
  if (status.ok()) status = MakeClient(RD_KAFKA_CONSUMER, *std::move(consumer)).status();
  return status;
}

}  // namespace eventbus::rdkafka
