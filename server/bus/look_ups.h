#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/executor.h"
#include "server/base/mutex.h"
#include "server/base/serial_task.h"
#include "server/kafka/consumer.h"

namespace eventbus::bus {

// Looks positions up for all tails, with one consumer that is made when it is first needed and
// again after it has failed. Thread-safe; the executor has stopped before it goes. Look-ups block,
// and may run beside each other.
class LookUps {
 public:
  // `client_id` is Kafka's client.id of the consumer; what it reports besides is read, and dropped,
  // on `executor`.
  LookUps(kafka::ConsumerFactory& consumers, Executor& executor, std::string client_id);
  ~LookUps();

  // As those of kafka::Consumer.
  absl::StatusOr<std::vector<kafka::Watermarks>> QueryWatermarks(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout);
  absl::StatusOr<std::vector<std::int64_t>> QueryOffsetsForTime(
      const std::vector<kafka::TopicPartition>& partitions, absl::Time time,
      absl::Duration timeout);

 private:
  absl::StatusOr<std::shared_ptr<kafka::Consumer>> Get();
  void Check(const absl::Status& status, const std::shared_ptr<kafka::Consumer>& consumer);
  void Discard();

  kafka::ConsumerFactory& consumers_;
  const std::string client_id_;
  // Shared with the consumer, whose threads wake it.
  const std::shared_ptr<SerialTask> task_;
  Mutex mu_;
  std::shared_ptr<kafka::Consumer> consumer_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::bus
