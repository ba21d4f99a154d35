#pragma once

#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <vector>

#include "server/kafka/record.h"

namespace eventbus::rdkafka {

// Has librdkafka fetch again at once when a prefetch that was full has been taken.
//
// A broker's thread that finds the prefetch full looks again only when something else wakes it, at
// the latest after a second: 8 MiB are read in a twentieth of that, and the rest is waiting. Any
// request to that broker wakes it. From 2.2 on librdkafka has fetch.queue.backoff.ms instead, and
// this does nothing.
//
// One thread at a time; no call waits.
class FetchWaker {
 public:
  // `client` outlives it.
  explicit FetchWaker(rd_kafka_t* client);

  // A record was taken from the prefetch.
  void OnRecord(const rd_kafka_message_t& message);
  // Nothing is left in it.
  void OnEmpty();

 private:
  struct Source {
    const void* id = nullptr;  // Of the topic; it may be gone by now.
    kafka::TopicPartition partition;
  };

  void Wake();

  rd_kafka_t* const client_;
  // So much taken without a pause: it may have been full. 0: never.
  const std::size_t much_;
  std::size_t taken_ = 0;
  // Where it came from.
  std::vector<Source> sources_;
};

}  // namespace eventbus::rdkafka
