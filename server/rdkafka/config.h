#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eventbus::rdkafka {

class EmbeddedKafka;

// librdkafka's properties by name, as librdkafka's CONFIGURATION.md lists them.
using Properties = std::map<std::string, std::string>;

// How to reach Kafka, and what the operator wants different from our settings.
struct ClientConfig {
  // `host:port` and more of them, separated by commas.
  std::string bootstrap_servers;
  // Stands in Kafka's client.id of the producer and the admin client, and before the slash of each
  // consumer's.
  std::string client_id = "eventbus";
  // Win over our own settings. MakeClientConfig has refused those that break a promise.
  Properties properties;
  // Where bootstrap_servers leads to, or null for a real Kafka. Must outlive all clients.
  EmbeddedKafka* embedded = nullptr;
};

// Reads the text of a `--kafka_config` file: a `key=value` a line; white space around either is
// dropped, as are empty lines and those that begin with `#`; the last of a repeated key stands.
// `name` (the file's) begins the message of an error.
absl::StatusOr<Properties> ParseProperties(absl::string_view name, absl::string_view text);

// What `--kafka_config` (a path; empty: none) and `--kafka_property` (each `key=value`) say; the
// latter wins. INVALID_ARGUMENT naming the property, what it was and what is allowed where
// librdkafka does not know it, does not take its value, or where it would break a promise of this
// server.
absl::StatusOr<ClientConfig> MakeClientConfig(absl::string_view bootstrap_servers,
                                              const std::string& config_file,
                                              const std::vector<std::string>& overrides);

// INVALID_ARGUMENT where one of `properties` would break a promise of this server.
absl::Status CheckPromises(const Properties& properties);

// INVALID_ARGUMENT where librdkafka would not make a producer and a consumer of `config`. Looks at
// everything but the brokers: certificates are read, combinations are checked.
absl::Status Validate(const ClientConfig& config);

}  // namespace eventbus::rdkafka
