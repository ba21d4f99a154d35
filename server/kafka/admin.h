#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/kafka/group_description.h"
#include "server/kafka/record.h"

namespace eventbus::kafka {

struct TopicMetadata {
  std::int32_t partitions = 0;
  std::int32_t replication_factor = 0;

  bool operator==(const TopicMetadata&) const = default;
};

struct ClusterMetadata {
  std::string cluster_id;
  std::int32_t brokers = 0;
  // Every topic that Kafka shows us.
  std::map<std::string, TopicMetadata> topics;
};

struct NewTopic {
  std::string name;
  std::int32_t partitions = 1;
  // -1: the cluster's default.
  std::int32_t replication_factor = 1;
  // Zero: the cluster's default; infinite: for ever.
  absl::Duration retention;
  // What else is configured, by Kafka's names.
  std::map<std::string, std::string> config = {};
};

// Asks and changes the cluster. Every call blocks up to `timeout`; KAFKA_UNAVAILABLE when it runs
// out. Thread-safe.
class Admin {
 public:
  virtual ~Admin() = default;

  virtual absl::StatusOr<ClusterMetadata> Describe(absl::Duration timeout) = 0;

  // OK where the topic exists by now, whoever made it. PUBLISH_DENIED where Kafka forbids it.
  virtual absl::Status CreateTopic(const NewTopic& topic, absl::Duration timeout) = 0;

  // The topic's configuration by Kafka's names (`retention.ms`); UNSUPPORTED on the embedded Kafka.
  virtual absl::StatusOr<std::map<std::string, std::string>> DescribeTopicConfig(
      const std::string& topic, absl::Duration timeout) = 0;

  // A group: `Dead` where Kafka has none of that name or does not show it; UNSUPPORTED on the
  // embedded Kafka. While a broker is down it takes 3 s.
  virtual absl::StatusOr<GroupDescription> DescribeGroup(const std::string& group,
                                                         absl::Duration timeout) = 0;

  // Where these partitions end, as read_committed shows them; those that Kafka does not tell are
  // left out.
  virtual absl::StatusOr<std::map<TopicPartition, std::int64_t>> QueryEnds(
      const std::vector<TopicPartition>& partitions, absl::Duration timeout) = 0;
};

}  // namespace eventbus::kafka
