#include "server/rdkafka/conf.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/rdkafka/log.h"

namespace eventbus::rdkafka {
namespace {

struct Setting {
  const char* name;
  const char* value;
};

constexpr Setting kCommon[] = {
    // An outage heals within a second of its end.
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "1000"},
    {"socket.keepalive.enable", "true"},
    {"socket.nagle.disable", "true"},
    // How long a topic unknown to the cluster may yet appear, and so how long the first event for
    // it
    // waits for TOPIC_NOT_FOUND; later ones are refused at once. Unknown topics are asked for again
    // each second.
    {"topic.metadata.propagation.max.ms", "1000"},
    {"topic.metadata.refresh.interval.ms", "30000"},
    {"allow.auto.create.topics", "false"},
    {"log.connection.close", "false"},
};

constexpr Setting kProducer[] = {
    {"acks", "all"},
    {"enable.idempotence", "true"},
    // With more of them, and no linger, librdkafka's thread spins while it waits for answers: 256
    // publishes under way then cost twice the processor time and 60 % more of the time, measured.
    {"max.in.flight.requests.per.connection", "2"},
    // librdkafka's own default would split one key over two partitions.
    {"partitioner", "murmur2_random"},
    {"linger.ms", "0"},
    // Three attempts fit when a leader freezes.
    {"message.timeout.ms", "30000"},
    {"request.timeout.ms", "10000"},
    {"queue.buffering.max.messages", "100000"},
    {"queue.buffering.max.kbytes", "65536"},
    // 2 MiB, the most an event may have, with 64 KiB for its key, headers and framing: the server's
    // limit speaks before this one.
    {"message.max.bytes", "2162688"},
};

// Win over the operator's, which are meant for events. More than consumers read (100 MB): what is
// too large says Kafka. Each record is a batch of its own, or several small ones would together be
// larger than a topic takes; compressed, as what Kafka measures is what it was sent.
constexpr Setting kForeignRecords[] = {
    {"message.max.bytes", "134217728"},
    {"queue.buffering.max.kbytes", "131072"},
    {"batch.num.messages", "1"},
    {"compression.type", "gzip"},
};

// librdkafka assigns partitions only to a consumer with a group. This one is never joined and
// nothing is committed to it.
constexpr char kNoGroup[] = "eventbus-reader";

constexpr Setting kConsumer[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"isolation.level", "read_committed"},
    {"enable.partition.eof", "true"},
    {"partition.assignment.strategy", "range,roundrobin"},
    {"session.timeout.ms", "10000"},
    {"heartbeat.interval.ms", "3000"},
    {"queued.max.messages.kbytes", "8192"},
    // A partition that joins waits for the fetch under way: a tenth of a second at most.
    {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "100"},
};

// Newer librdkafka only: how long a full prefetch waits before it looks again (1 s by default).
constexpr Setting kConsumerIfKnown = {"fetch.queue.backoff.ms", "10"};

// The embedded Kafka answers a fetch only when its wait is over, even where there are records by
// then.
constexpr Setting kEmbeddedConsumer = {"fetch.wait.max.ms", "10"};

bool IsSecret(absl::string_view name) {
  return absl::StrContains(name, "password") || absl::StrContains(name, "secret") ||
         absl::StrContains(name, "sasl.oauthbearer.config") || absl::EndsWith(name, ".pem");
}

class ConfBuilder {
 public:
  ConfBuilder() : conf_(rd_kafka_conf_new()) {}

  template <std::size_t kSize>
  void Set(const Setting (&settings)[kSize]) {
    for (const Setting& setting : settings) Set(setting.name, setting.value);
  }

  void Set(const Setting& setting) { Set(setting.name, setting.value); }

  // Keeps the first error.
  void Set(const std::string& name, const std::string& value) {
    if (!status_.ok()) return;
    char why[512] = "";
    const rd_kafka_conf_res_t result =
        rd_kafka_conf_set(conf_.get(), name.c_str(), value.c_str(), why, sizeof why);
    if (result == RD_KAFKA_CONF_OK) return;
    if (result == RD_KAFKA_CONF_UNKNOWN) {
      // Without the value: the name may be a misspelt password's.
      status_ = absl::InvalidArgumentError(absl::StrCat(
          "Kafka property ", name, ": unknown to librdkafka ", rd_kafka_version_str()));
    } else if (IsSecret(name)) {
      status_ = absl::InvalidArgumentError(absl::StrCat("Kafka property ", name, ": invalid"));
    } else {
      status_ = absl::InvalidArgumentError(
          absl::StrCat("Kafka property ", name, ": was '", value, "': ", why));
    }
  }

  void SetIfKnown(const Setting& setting) {
    char why[512] = "";
    rd_kafka_conf_set(conf_.get(), setting.name, setting.value, why, sizeof why);
  }

  void SetAll(const Properties& properties) {
    for (const auto& [name, value] : properties) Set(name, value);
  }

  absl::StatusOr<ConfHolder> Finish() {
    if (!status_.ok()) return status_;
    rd_kafka_conf_set_log_cb(conf_.get(), LogLine);
    return std::move(conf_);
  }

  rd_kafka_conf_t* get() { return conf_.get(); }

 private:
  ConfHolder conf_;
  absl::Status status_;
};

ConfBuilder BeginConf(const ClientConfig& config, const std::string& client_id) {
  ConfBuilder builder;
  builder.Set("client.id", client_id);
  if (!config.bootstrap_servers.empty()) {
    builder.Set("bootstrap.servers", config.bootstrap_servers);
  }
  builder.Set(kCommon);
  return builder;
}

}  // namespace

absl::StatusOr<ConfHolder> MakeProducerConf(const ClientConfig& config, ProducerUse use) {
  ConfBuilder builder = BeginConf(config, config.client_id);
  builder.Set(kProducer);
  rd_kafka_conf_set_events(builder.get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
  builder.SetAll(config.properties);
  if (use == ProducerUse::kForeignRecords) builder.Set(kForeignRecords);
  return builder.Finish();
}

absl::StatusOr<ConfHolder> MakeConsumerConf(const ClientConfig& config,
                                            const std::string& client_id) {
  return MakeGroupConf(config, kNoGroup, client_id);
}

absl::StatusOr<ConfHolder> MakeGroupConf(const ClientConfig& config, const std::string& group_id,
                                         const std::string& client_id) {
  ConfBuilder builder = BeginConf(config, client_id);
  builder.Set("group.id", group_id);
  builder.Set(kConsumer);
  builder.SetIfKnown(kConsumerIfKnown);
  if (config.embedded != nullptr) builder.Set(kEmbeddedConsumer);
  builder.SetAll(config.properties);
  return builder.Finish();
}

absl::StatusOr<ConfHolder> MakeAdminConf(const ClientConfig& config) {
  ConfBuilder builder = BeginConf(config, config.client_id);
  rd_kafka_conf_set_events(builder.get(), RD_KAFKA_EVENT_ERROR);
  builder.SetAll(config.properties);
  return builder.Finish();
}

absl::StatusOr<ClientHolder> MakeClient(rd_kafka_type_t type, ConfHolder conf) {
  char why[512] = "";
  ClientHolder client(rd_kafka_new(type, conf.get(), why, sizeof why));
  if (client == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("Kafka properties: ", why));
  }
  static_cast<void>(conf.release());
  return client;
}

}  // namespace eventbus::rdkafka
