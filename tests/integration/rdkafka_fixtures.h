#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/error.h"
#include "server/kafka/admin.h"
#include "server/kafka/consumer.h"
#include "server/kafka/producer.h"
#include "server/rdkafka/client.h"

namespace eventbus::testing {

inline ErrorReason ReasonOf(const absl::Status& status) { return GetErrorDetails(status).reason; }

// The adapter and a Kafka, which `config_` leads to.
class KafkaTest : public ::testing::Test {
 protected:
  static constexpr absl::Duration kTimeout = absl::Seconds(20);

  // With `properties` in place of `config_`'s.
  rdkafka::ClientConfig ConfigWith(const rdkafka::Properties& properties) const;

  std::unique_ptr<kafka::Producer> MakeProducer(const rdkafka::Properties& properties = {});
  std::unique_ptr<kafka::ConsumerFactory> MakeFactory(const rdkafka::Properties& properties = {});

  // Writes `count` records to `topic`, their number from `first` on as value; to the partition of
  // `key`.
  void Fill(const std::string& topic, int count, int first = 0, const std::string& key = "key");

  rdkafka::ClientConfig config_;
};

// On the embedded Kafka. Topics: events with one partition, trio with three, wide with twelve.
class EmbeddedKafkaTest : public KafkaTest {
 protected:
  EmbeddedKafkaTest();

  std::unique_ptr<rdkafka::EmbeddedKafka> kafka_;
};

// On a real Kafka: EVENTBUS_TEST_KAFKA is its address, EVENTBUS_TEST_KAFKA_DIR the directory of
// tests/kafka/kafka.py's cluster, one node. Fails where either is missing.
class RealKafkaTest : public KafkaTest {
 protected:
  void SetUp() override;

  // Of a topic or group that no earlier run has made.
  static std::string NewName();

  absl::Status CreateTopic(const std::string& name, int partitions);

  // Runs a verb of kafka.py on the cluster under test.
  static bool Control(const std::string& verb);

  // Makes offsets below `offset` of partition 0 disappear, as retention does.
  void DeleteBefore(const std::string& topic, std::int64_t offset);

  // Denies everybody everything on it. The broker has an authorizer.
  void DenyTopic(const std::string& topic);
  void DenyGroup(const std::string& group);
  // Of topics; a topic's own rules may still allow it.
  void DenyCreation();

  std::unique_ptr<kafka::Admin> admin_;
  // With one partition.
  std::string topic_;
};

}  // namespace eventbus::testing
