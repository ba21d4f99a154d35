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
#include "server/rdkafka/dispatcher.h"
#include "server/rdkafka/handles.h"
#include "server/rdkafka/look_ups.h"
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

  // librdkafka's error callback, called within Poll: logs what heals by waiting.
  static void KeepError(rd_kafka_t* client, int code, const char* text, void* errors);
  int ReportErrors(kafka::ConsumerEvents& events);

  // What KeepError kept for Poll to report. At an address that librdkafka knows.
  const std::unique_ptr<std::vector<absl::Status>> errors_;
  // Handed to the reaper at the end.
  ClientHolder client_;
  QueueHolder queue_;
  // Called by librdkafka's threads, one at a time.
  absl::AnyInvocable<void()> on_ready_;
  const std::shared_ptr<Reaper> reaper_;
  const LookUps look_ups_;
  Dispatcher dispatcher_;
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
