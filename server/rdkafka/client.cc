#include "server/rdkafka/client.h"

#include "server/rdkafka/admin.h"
#include "server/rdkafka/consumer.h"
#include "server/rdkafka/producer.h"

namespace eventbus::rdkafka {

absl::StatusOr<std::unique_ptr<kafka::Producer>> MakeProducer(const ClientConfig& config) {
  return Producer::Make(config);
}

absl::StatusOr<std::unique_ptr<kafka::Producer>> MakeForeignProducer(const ClientConfig& config) {
  return Producer::Make(config, ProducerUse::kForeignRecords);
}

absl::StatusOr<std::unique_ptr<kafka::ConsumerFactory>> MakeConsumerFactory(
    const ClientConfig& config) {
  return std::make_unique<ConsumerFactory>(config);
}

absl::StatusOr<std::unique_ptr<kafka::Admin>> MakeAdmin(const ClientConfig& config) {
  return Admin::Make(config);
}

}  // namespace eventbus::rdkafka
