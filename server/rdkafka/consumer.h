#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/kafka/consumer.h"
#include "server/rdkafka/config.h"
#include "server/rdkafka/handles.h"
#include "server/rdkafka/reaper.h"

namespace eventbus::rdkafka {

// Reads partitions that its owner chose, through one librdkafka consumer (4 threads, 0.2 MB, and
// its prefetch). Nothing is joined or committed; librdkafka asks all the same who coordinates its
// group, and where Kafka forbids even that, it reads on.
//
// The first record comes half a second sooner where QueryWatermarks was called before Assign.
//
// The destructor returns at once: the librdkafka consumer is destroyed by the reaper.
class Consumer final : public kafka::Consumer {
 public:
  static absl::StatusOr<std::unique_ptr<Consumer>> Make(const ClientConfig& config,
                                                        const std::string& client_id,
                                                        absl::AnyInvocable<void()> on_ready,
                                                        std::shared_ptr<Reaper> reaper);
  ~Consumer() override;

  absl::Status Assign(const std::vector<kafka::StartOffset>& positions) override;
  int Poll(int max, kafka::ConsumerEvents& events) override;
  std::int64_t CachedEnd(const kafka::TopicPartition& partition) const override;
  absl::StatusOr<std::vector<kafka::Watermarks>> QueryWatermarks(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) override;
  absl::StatusOr<std::vector<std::int64_t>> QueryOffsetsForTime(
      const std::vector<kafka::TopicPartition>& partitions, absl::Time time,
      absl::Duration timeout) override;

 private:
  Consumer(ClientHolder client, std::unique_ptr<std::vector<absl::Status>> errors,
           absl::AnyInvocable<void()> on_ready, const EmbeddedKafka* embedded,
           std::shared_ptr<Reaper> reaper);

  // TOPIC_NOT_FOUND where the embedded Kafka does not have the topic. OK on a real one, which tells
  // by itself.
  absl::Status CheckTopic(const kafka::TopicPartition& partition) const;

  // librdkafka's error callback, called within Poll: logs what heals by waiting.
  static void KeepError(rd_kafka_t* client, int code, const char* text, void* errors);
  int ReportErrors(kafka::ConsumerEvents& events);

  void Dispatch(const rd_kafka_message_t& message, kafka::ConsumerEvents& events);
  void DispatchRecord(const rd_kafka_message_t& message, kafka::ConsumerEvents& events);
  void DispatchError(const rd_kafka_message_t& message, kafka::ConsumerEvents& events);

  // The offset of each partition whose record is the first at `time`, or later; `time` may be one
  // of librdkafka's logical ones. One request a broker.
  absl::StatusOr<std::vector<std::int64_t>> ListOffsets(
      const std::vector<kafka::TopicPartition>& partitions, std::int64_t time,
      absl::Time deadline) const;
  // How a look-up failed, and at which of its partitions.
  struct LookUp {
    rd_kafka_resp_err_t error;
    std::size_t index;
  };
  absl::Status Explain(const LookUp& look_up, const std::vector<kafka::TopicPartition>& partitions,
                       absl::Time deadline) const;
  // What the cluster says of a topic by name: librdkafka takes a forbidden one for one that is not
  // there.
  rd_kafka_resp_err_t AskAbout(const std::string& topic, absl::Time deadline) const;

  // What KeepError kept for Poll to report. At an address that librdkafka knows.
  const std::unique_ptr<std::vector<absl::Status>> errors_;
  // Handed to the reaper at the end.
  ClientHolder client_;
  QueueHolder queue_;
  // Called by librdkafka's threads, one at a time.
  absl::AnyInvocable<void()> on_ready_;
  // Null: a real Kafka.
  const EmbeddedKafka* const embedded_;
  const std::shared_ptr<Reaper> reaper_;
  // Reused for each record.
  kafka::RecordView view_;
};

// Makes consumers on one cluster.
class ConsumerFactory final : public kafka::ConsumerFactory {
 public:
  explicit ConsumerFactory(ClientConfig config);

  absl::StatusOr<std::unique_ptr<kafka::Consumer>> MakeConsumer(
      const std::string& client_id, absl::AnyInvocable<void()> on_ready) override;
  absl::StatusOr<std::unique_ptr<kafka::GroupConsumer>> MakeGroupConsumer(
      const std::string& group_id, const std::string& client_id,
      absl::AnyInvocable<void()> on_ready) override;

 private:
  const ClientConfig config_;
  const std::shared_ptr<Reaper> reaper_;
};

}  // namespace eventbus::rdkafka
