#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/mutex.h"
#include "server/kafka/admin.h"
#include "server/kafka/consumer.h"
#include "server/kafka/producer.h"
#include "tests/fakes/fake_group.h"

namespace eventbus::fakes {

// A record in a FakeKafka.
struct StoredRecord {
  std::int64_t offset = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<kafka::Header> headers;
  std::int64_t timestamp_ms = 1'700'000'000'000;
};

// One cluster in memory, whose partitions tests fill and truncate. Thread-safe.
class FakeKafka final : public kafka::Admin, public kafka::ConsumerFactory, public kafka::Producer {
 public:
  // ---- The test's side.
  void AddTopic(const std::string& topic, int partitions);
  // Returns the offset.
  std::int64_t Append(const std::string& topic, int partition, std::string value,
                      std::optional<std::string> key = "k");
  void AppendRecord(const std::string& topic, int partition, StoredRecord record);
  // As retention does: nothing below `begin` can be read any more.
  void Truncate(const std::string& topic, int partition, std::int64_t begin);
  // As under an open transaction: what is at `offset` and behind it is in the log and not shown.
  void Hide(const std::string& topic, int partition, std::int64_t offset);
  // As deleting the topic and creating it again does: its partitions are empty.
  void Recreate(const std::string& topic);
  std::int64_t End(const std::string& topic, int partition) const;
  // A control record at the end: an offset that no reader is handed.
  void AppendControl(const std::string& topic, int partition);
  // The look-ups and calls below fail with it; OK: they work.
  void SetError(const absl::Status& error);
  // Each consumer reports it once, from its next Poll or its first; OK: none does.
  void FailConsumers(const absl::Status& error);
  // Produce is refused with it; OK: taken.
  void SetProduceError(const absl::Status& error);
  // Deliveries wait until Deliver; else they are reported within Produce.
  void HoldDeliveries() { hold_ = true; }
  // Reports the oldest delivery that waits.
  void Deliver(absl::StatusOr<kafka::Position> result);
  std::vector<kafka::OutgoingRecord> produced() const;
  std::size_t produced_count() const;
  std::vector<kafka::NewTopic> created() const;
  void SetTopicConfig(std::map<std::string, std::string> config) { config_ = std::move(config); }
  // The next `count` questions for a topic's configuration find no such topic.
  void HideTopicConfig(int count) { hidden_configs_ = count; }
  int live_consumers() const;
  int live_consumers(const std::string& client_id) const;
  // Made on first use.
  FakeGroup& Group(const std::string& id) { return *FindGroup(id); }

  // What DescribeGroup says; Kafka has no such group where nothing is set.
  void SetGroupDescription(const std::string& group, kafka::GroupDescription description);
  // Called by DescribeGroup before it answers, on its thread.
  void OnDescribeGroup(std::function<void()> hook) { on_describe_group_ = std::move(hook); }
  // QueryEnds fails with it; OK: it works.
  void SetEndsError(const absl::Status& error);

  // ---- kafka::Admin, ConsumerFactory, Producer.
  absl::StatusOr<kafka::ClusterMetadata> Describe(absl::Duration timeout) override;
  absl::Status CreateTopic(const kafka::NewTopic& topic, absl::Duration timeout) override;
  absl::StatusOr<std::map<std::string, std::string>> DescribeTopicConfig(
      const std::string& topic, absl::Duration timeout) override;
  absl::StatusOr<kafka::GroupDescription> DescribeGroup(const std::string& group,
                                                        absl::Duration timeout) override;
  absl::StatusOr<std::map<kafka::TopicPartition, std::int64_t>> QueryEnds(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) override;
  absl::StatusOr<std::unique_ptr<kafka::Consumer>> MakeConsumer(
      const std::string& client_id, absl::AnyInvocable<void()> on_ready) override;
  absl::StatusOr<std::unique_ptr<kafka::GroupConsumer>> MakeGroupConsumer(
      const std::string& group_id, const std::string& client_id,
      absl::AnyInvocable<void()> on_ready) override;
  absl::Status Produce(kafka::OutgoingRecord& record, DoneCallback& done) override;
  bool Flush(absl::Duration) override { return true; }
  void Stop() override {}

 private:
  friend class FakeConsumer;
  using Waker = std::shared_ptr<absl::AnyInvocable<void()>>;
  // Consumers, by client.id.
  struct Live {
    Mutex mu;
    std::map<std::string, int> by_client ABSL_GUARDED_BY(mu);
  };
  struct Partition {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t hidden_from = std::numeric_limits<std::int64_t>::max();
    std::map<std::int64_t, StoredRecord> records;

    std::int64_t shown_end() const { return std::min(end, hidden_from); }
  };

  mutable Mutex mu_;
  std::map<std::string, std::vector<Partition>> topics_ ABSL_GUARDED_BY(mu_);
  absl::Status error_ ABSL_GUARDED_BY(mu_);
  absl::Status produce_error_ ABSL_GUARDED_BY(mu_);
  absl::Status consumer_error_ ABSL_GUARDED_BY(mu_);
  int consumer_errors_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<kafka::OutgoingRecord> produced_ ABSL_GUARDED_BY(mu_);
  std::vector<DoneCallback> waiting_ ABSL_GUARDED_BY(mu_);
  std::vector<kafka::NewTopic> created_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::string> config_;
  int hidden_configs_ = 0;
  std::map<std::string, kafka::GroupDescription> descriptions_ ABSL_GUARDED_BY(mu_);
  std::function<void()> on_describe_group_;
  absl::Status ends_error_ ABSL_GUARDED_BY(mu_);
  bool hold_ = false;
  const std::shared_ptr<Live> live_ = std::make_shared<Live>();
  std::vector<std::weak_ptr<absl::AnyInvocable<void()>>> wakers_ ABSL_GUARDED_BY(mu_);

  void WakeConsumers();
  std::shared_ptr<FakeGroup> FindGroup(const std::string& id);
  std::vector<kafka::TopicPartition> PartitionsOf(const std::vector<std::string>& topics);

  std::map<std::string, std::shared_ptr<FakeGroup>> groups_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::fakes
