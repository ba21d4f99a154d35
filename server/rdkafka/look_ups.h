#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/kafka/consumer.h"
#include "server/rdkafka/embedded.h"
#include "server/rdkafka/error.h"

namespace eventbus::rdkafka {

// What a consumer asks the cluster about partitions. Calls block up to their timeout, and ask again
// while there is time where the cluster is only busy or moving. In the order of the arguments.
//
// Thread-safe. The client outlives it.
class LookUps {
 public:
  // `embedded` is null for a real Kafka.
  LookUps(rd_kafka_t* client, const EmbeddedKafka* embedded)
      : client_(client), embedded_(embedded) {}

  // TOPIC_NOT_FOUND where the embedded Kafka does not have the topic. OK on a real one, which tells
  // by itself.
  absl::Status CheckTopic(const std::string& topic) const;

  // As kafka::Consumer has them.
  std::int64_t CachedEnd(const kafka::TopicPartition& partition) const;
  // A partition without a leader is waited for, or has {-1, -1}, as kafka::GroupConsumer wants it.
  enum class Leaderless { kAwaited, kPassedOver };
  absl::StatusOr<std::vector<kafka::Watermarks>> Watermarks(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout,
      Leaderless leaderless = Leaderless::kAwaited) const;
  absl::StatusOr<std::vector<std::int64_t>> OffsetsForTime(
      const std::vector<kafka::TopicPartition>& partitions, absl::Time time,
      absl::Duration timeout) const;

  // As kafka::GroupConsumer has it.
  absl::StatusOr<std::vector<kafka::GroupOffset>> Committed(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) const;

 private:
  // How a look-up failed, and at which of its partitions.
  struct Failure {
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::size_t index = 0;
  };
  // Asks Kafka once, with the milliseconds that are left.
  using Attempt = absl::FunctionRef<Failure(int milliseconds)>;

  // Attempts until it succeeds, fails for good, or the time is up.
  static Failure Persist(Attempt attempt, absl::Time deadline);

  // The offset of each partition whose record is the first at `time`, or later; `time` may be one
  // of librdkafka's logical ones. One request a broker.
  absl::StatusOr<std::vector<std::int64_t>> ListOffsets(
      const std::vector<kafka::TopicPartition>& partitions, std::int64_t time, absl::Time deadline,
      Leaderless leaderless = Leaderless::kAwaited) const;
  absl::Status Explain(const Failure& failure, absl::string_view what,
                       const std::vector<kafka::TopicPartition>& partitions,
                       absl::Time deadline) const;
  void LookForLeaders(const rd_kafka_topic_partition_list_t& partitions, absl::Time deadline) const;
  // What the cluster says of a topic by name: librdkafka takes a forbidden one for one that is not
  // there.
  rd_kafka_resp_err_t AskAbout(const std::string& topic, absl::Time deadline) const;

  rd_kafka_t* const client_;
  const EmbeddedKafka* const embedded_;
};

}  // namespace eventbus::rdkafka
