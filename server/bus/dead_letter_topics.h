#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/bus/cluster_monitor.h"
#include "server/bus/dead_letter_plan.h"
#include "server/kafka/admin.h"

namespace eventbus::bus {

// Sees to it that groups have their dead-letter topics. Thread-safe; what is handed in outlives it.
class DeadLetterTopics {
 public:
  struct Options {
    // For one answer of Kafka's, and for a topic just made to be seen.
    absl::Duration timeout = absl::Seconds(10);
  };

  // What `monitor` has heard is not asked for again.
  DeadLetterTopics(kafka::Admin& admin, const ClusterMonitor& monitor, const Clock& clock,
                   Options options);

  // As DeadLetters::Prepare. A topic that exists is left as it is, but it must have the origin's
  // partitions; one of `topics` that does not is passed over.
  absl::Status Prepare(const std::string& group, const std::vector<std::string>& topics);

 private:
  struct Pair {
    std::string origin;
    std::string letters;
  };

  absl::Status Check(const std::vector<Pair>& pairs);
  absl::Status Make(const Pair& pair, std::int32_t partitions);
  absl::StatusOr<TopicConfig> ConfigOf(const std::string& topic);
  absl::Status WaitFor(const Pair& pair, std::int32_t partitions);

  kafka::Admin& admin_;
  const ClusterMonitor& monitor_;
  const Clock& clock_;
  const Options options_;
};

}  // namespace eventbus::bus
