#pragma once

#include <librdkafka/rdkafka.h>

#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "server/kafka/consumer.h"

namespace eventbus::rdkafka {

// The commits of one member of a group: one at a time with Kafka, the others in order behind it.
// Side by side, librdkafka may send the first again behind the second, and an older offset would
// stand.
//
// One thread at a time.
class GroupCommits {
 public:
  // librdkafka's callback for an answer, which comes with the client's opaque; Answered is called
  // after it returned.
  using Callback = void (*)(rd_kafka_t* client, rd_kafka_resp_err_t error,
                            rd_kafka_topic_partition_list_t* offsets, void* unused);

  // Answers come by `queue`. Both outlive it.
  GroupCommits(rd_kafka_t* client, rd_kafka_queue_t* queue, Callback callback)
      : client_(client), queue_(queue), callback_(callback) {}

  void Add(const std::vector<kafka::GroupOffset>& offsets, kafka::GroupConsumer::Done done);

  // Reports the one that is under way, and sends the next.
  void Answered(const absl::Status& status);

  // Reports all with `status`. No more are added after it.
  void GiveUp(const absl::Status& status);

  // Destroys all unreported. No more are added after it.
  void Drop() { commits_.clear(); }

  bool idle() const { return commits_.empty(); }

 private:
  struct Commit {
    std::vector<kafka::GroupOffset> offsets;
    kafka::GroupConsumer::Done done;
  };

  void Send();

  rd_kafka_t* const client_;
  rd_kafka_queue_t* const queue_;
  const Callback callback_;
  // The first is under way.
  std::deque<Commit> commits_;
};

}  // namespace eventbus::rdkafka
