#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/kafka/admin.h"
#include "server/rdkafka/config.h"
#include "server/rdkafka/handles.h"

namespace eventbus::rdkafka {

// Asks through one librdkafka client of its own, so that nothing waits behind records.
class Admin final : public kafka::Admin {
 public:
  static absl::StatusOr<std::unique_ptr<Admin>> Make(const ClientConfig& config);

  absl::StatusOr<kafka::ClusterMetadata> Describe(absl::Duration timeout) override;
  absl::Status CreateTopic(const kafka::NewTopic& topic, absl::Duration timeout) override;
  absl::StatusOr<std::map<std::string, std::string>> DescribeTopicConfig(
      const std::string& topic, absl::Duration timeout) override;

  // In admin_groups.cc.
  absl::StatusOr<kafka::GroupDescription> DescribeGroup(const std::string& group,
                                                        absl::Duration timeout) override;
  absl::StatusOr<std::map<kafka::TopicPartition, std::int64_t>> QueryEnds(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) override;

 private:
  Admin(ClientHolder client, EmbeddedKafka* embedded);

  // Runs one request of the Admin API, which `send` sends, and returns its answer.
  absl::StatusOr<EventHolder> Request(
      rd_kafka_admin_op_t operation, absl::string_view what, const std::string& topic,
      absl::Duration timeout,
      absl::FunctionRef<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)> send);

  const ClientHolder client_;
  EmbeddedKafka* const embedded_;
};

}  // namespace eventbus::rdkafka
