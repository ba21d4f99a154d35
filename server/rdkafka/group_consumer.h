#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "server/base/mutex.h"
#include "server/kafka/consumer.h"
#include "server/rdkafka/config.h"
#include "server/rdkafka/dispatcher.h"
#include "server/rdkafka/group_client.h"
#include "server/rdkafka/look_ups.h"
#include "server/rdkafka/reaper.h"

namespace eventbus::rdkafka {

// A member of a group, through one librdkafka consumer (4 threads, 0.2 MB, and its prefetch).
//
// Its end, by Leave or the destructor, is on a thread of the reaper's.
class GroupConsumer final : public kafka::GroupConsumer {
 public:
  static absl::StatusOr<std::unique_ptr<GroupConsumer>> Make(const ClientConfig& config,
                                                             const std::string& group_id,
                                                             const std::string& client_id,
                                                             absl::AnyInvocable<void()> on_ready,
                                                             std::shared_ptr<Reaper> reaper);
  ~GroupConsumer() override;

  absl::Status Join(const std::vector<std::string>& topics) override;
  int Poll(int max, kafka::ConsumerEvents& events) override;
  int PollGroup(int max, kafka::GroupEvents& events) override;
  absl::Status Assign(const std::vector<kafka::StartOffset>& positions) override;
  absl::Status Release() override;
  void Commit(const std::vector<kafka::GroupOffset>& offsets, Done done) override;
  void Leave(std::vector<kafka::GroupOffset> offsets, Done done) override;

  std::int64_t CachedEnd(const kafka::TopicPartition& partition) const override;
  absl::StatusOr<std::vector<kafka::Watermarks>> QueryWatermarks(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) override;
  absl::StatusOr<std::vector<kafka::Watermarks>> QueryLedWatermarks(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) override;
  absl::StatusOr<std::vector<std::int64_t>> QueryOffsetsForTime(
      const std::vector<kafka::TopicPartition>& partitions, absl::Time time,
      absl::Duration timeout) override;
  absl::StatusOr<std::vector<kafka::GroupOffset>> QueryCommitted(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) override;

 private:
  GroupConsumer(std::unique_ptr<GroupClient> client, absl::AnyInvocable<void()> on_ready,
                const EmbeddedKafka* embedded, std::shared_ptr<Reaper> reaper);

  // librdkafka's, of either queue.
  static void CallOnReady(rd_kafka_t* client, void* self);
  int PollRecords(int max, kafka::ConsumerEvents& events);
  // No call of on_ready is under way after it, nor comes.
  void Silence();

  // Null once it is left.
  std::unique_ptr<GroupClient> client_;
  const std::shared_ptr<Reaper> reaper_;
  const LookUps look_ups_;
  Dispatcher dispatcher_;
  // The two queues' calls come from different threads.
  Mutex ready_mu_;
  absl::AnyInvocable<void()> on_ready_ ABSL_GUARDED_BY(ready_mu_);
};

}  // namespace eventbus::rdkafka
