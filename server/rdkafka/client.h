#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "server/kafka/admin.h"
#include "server/kafka/consumer.h"
#include "server/kafka/producer.h"
#include "server/rdkafka/config.h"
#include "server/rdkafka/embedded.h"

namespace eventbus::rdkafka {

// What the server has of Kafka. None of these waits for a broker: all start while Kafka is away,
// and go on when it comes. INVALID_ARGUMENT where librdkafka refuses `config`, INTERNAL where it
// cannot start. What is made holds a copy of `config`.
//
//   auto config = rdkafka::MakeClientConfig(servers, config_file, properties);
//   auto producer = rdkafka::MakeProducer(*config);
//
// On the embedded Kafka:
//
//   auto embedded = rdkafka::EmbeddedKafka::Start();
//   config.bootstrap_servers = (*embedded)->bootstrap_servers();
//   config.embedded = embedded->get();

absl::StatusOr<std::unique_ptr<kafka::Producer>> MakeProducer(const ClientConfig& config);

// One that writes records of whatever size Kafka takes, each in a batch of its own: for those that
// were written by others. The operator's limits are not for it.
absl::StatusOr<std::unique_ptr<kafka::Producer>> MakeForeignProducer(const ClientConfig& config);

// The factory may go before the consumers that it made.
absl::StatusOr<std::unique_ptr<kafka::ConsumerFactory>> MakeConsumerFactory(
    const ClientConfig& config);

absl::StatusOr<std::unique_ptr<kafka::Admin>> MakeAdmin(const ClientConfig& config);

}  // namespace eventbus::rdkafka
