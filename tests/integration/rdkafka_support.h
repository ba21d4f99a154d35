#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/mutex.h"
#include "server/kafka/consumer.h"
#include "server/kafka/producer.h"

namespace eventbus::testing {

// No condition of these tests takes that long; it only ends what would hang.
inline constexpr absl::Duration kPatience = absl::Seconds(30);

// Something that one thread tells another. Thread-safe.
class Signal {
 public:
  void Raise() {
    MutexLock lock(mu_);
    raised_ = true;
    changed_.NotifyAll();
  }

  // Waits until raised, and takes that back. False: `timeout` ran out.
  bool Wait(absl::Duration timeout = kPatience);

 private:
  Mutex mu_;
  CondVar changed_;
  bool raised_ ABSL_GUARDED_BY(mu_) = false;
};

// Collects what a producer reports. Thread-safe. Outlives the producer.
class Reports {
 public:
  using Report = absl::StatusOr<kafka::Position>;

  // A callback that reports under `id`.
  kafka::Producer::DoneCallback For(int id);

  // Waits for `count` reports; what is there by then.
  std::map<int, Report> Wait(std::size_t count, absl::Duration timeout = kPatience);

 private:
  Mutex mu_;
  CondVar changed_;
  std::map<int, Report> reports_ ABSL_GUARDED_BY(mu_);
};

kafka::OutgoingRecord MakeRecord(std::string topic, std::string key, std::string value);

// Produces one record and waits for its report; the refusal, where there is one.
Reports::Report ProduceAndWait(kafka::Producer& producer, kafka::OutgoingRecord record);

// Writes one record as other producers may: with a null key or value, or a null header value.
void ProduceForeign(const std::string& bootstrap_servers, const std::string& topic, const char* key,
                    const char* value);

struct ReceivedRecord {
  kafka::TopicPartition partition;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

// Keeps what it gets.
class RecordingEvents final : public kafka::ConsumerEvents {
 public:
  void OnRecord(const kafka::RecordView& record) override;
  void OnPartitionEnd(const kafka::TopicPartition& partition, std::int64_t next_offset) override {
    ends[partition] = next_offset;
  }
  void OnPositionLost(const kafka::TopicPartition& partition) override {
    lost.push_back(partition);
  }
  void OnError(const absl::Status& error) override { errors.push_back(error); }

  std::vector<ReceivedRecord> records;
  std::map<kafka::TopicPartition, std::int64_t> ends;
  std::vector<kafka::TopicPartition> lost;
  std::vector<absl::Status> errors;
};

// A consumer that is polled only when it says that it is ready, as the server does.
class Reader {
 public:
  explicit Reader(kafka::ConsumerFactory& factory, const std::string& client_id = "test");

  kafka::Consumer& consumer() { return *consumer_; }

  void Assign(const kafka::TopicPartition& partition, std::int64_t offset);

  // Polls at each wake-up until `done`; false: `timeout` ran out. Each wait for a wake-up is at
  // most that long, and Poll is not called without one but the first time.
  bool PollUntil(const std::function<bool()>& done, absl::Duration timeout = kPatience);

  bool PollForRecords(std::size_t count) {
    return PollUntil([&] { return events.records.size() >= count; });
  }

  RecordingEvents events;

 private:
  Signal ready_;
  std::unique_ptr<kafka::Consumer> consumer_;
};

}  // namespace eventbus::testing
