#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/rdkafka/handles.h"
#include "tests/bench/measurement.h"

namespace eventbus::bench {

// The offset of the next record, by partition of `kTopic`.
using Offsets = std::vector<std::int64_t>;

// librdkafka itself as a producer: acks=all, idempotent, linger 0. What it writes is what Publish
// writes, to the header. Not thread-safe.
class DirectProducer {
 public:
  static absl::StatusOr<std::unique_ptr<DirectProducer>> Make(const std::string& bootstrap);

  // Keeps `outstanding` records under way until the budget is spent; all are delivered on return.
  absl::StatusOr<Measurement> RunLoop(int outstanding, Budget budget);

  // Writes until the budget is spent, as fast as it can, and returns how many, once all are
  // delivered. `may_go_on` is asked now and then, with how many have been delivered; until it says
  // so nothing more is written.
  absl::StatusOr<std::int64_t> Write(Budget budget,
                                     const std::function<bool(std::int64_t)>& may_go_on = nullptr);

  // Where the log of each partition ends.
  absl::StatusOr<Offsets> Ends() const;

 private:
  DirectProducer() = default;

  static void OnDelivered(rd_kafka_t* client, const rd_kafka_message_t* message, void* producer);
  absl::Status ProduceNext();

  rdkafka::ClientHolder client_;
  rdkafka::TopicHolder topic_;
  std::size_t next_ = 0;
  std::int64_t outstanding_ = 0;
  std::int64_t delivered_ = 0;
  Latencies latencies_;
  absl::Status error_;
};

// librdkafka itself as a consumer, with its defaults: reads `events` from `begin` on, a poll each.
absl::StatusOr<Measurement> ConsumeDirectly(const std::string& bootstrap, const Offsets& begin,
                                            std::int64_t events);

// The group's offset in each of the first `partitions`, below 0 where it has none. Joins nothing.
absl::StatusOr<Offsets> CommittedBy(const std::string& bootstrap, const std::string& group,
                                    std::size_t partitions);

// An error unless the first record after `begin` is the one that the samples say.
absl::Status CheckRecord(const std::string& bootstrap, const Offsets& begin);

}  // namespace eventbus::bench
