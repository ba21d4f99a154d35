#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/kafka/record.h"

namespace eventbus::kafka {

// Writes records: acks=all, idempotent, to the partition that they name, else to that by murmur2 of
// the key as Java's and kafka-python's producers choose it. Thread-safe.
class Producer {
 public:
  // Runs once, on the producer's own thread; must not block and must not call Produce under a lock
  // that it takes itself. Errors, made by base/error:
  //   KAFKA_UNAVAILABLE        not written: no broker or too few replicas in time (retry delay set)
  //   PUBLISH_OUTCOME_UNKNOWN  perhaps written
  //   TOPIC_NOT_FOUND (or its partition), PUBLISH_DENIED, EVENT_TOO_LARGE, INTERNAL
  using DoneCallback = absl::AnyInvocable<void(absl::StatusOr<Position>)>;

  virtual ~Producer() = default;

  // Takes `record` and `done` and returns OK, or leaves both as they were and returns
  // PUBLISH_QUEUE_FULL, EVENT_TOO_LARGE, TOPIC_NOT_FOUND, PUBLISH_DENIED, KAFKA_UNAVAILABLE or
  // INTERNAL. Never blocks.
  virtual absl::Status Produce(OutgoingRecord& record, DoneCallback& done) = 0;

  // Waits until every record taken has been reported, at most `timeout`. True: all have been.
  virtual bool Flush(absl::Duration timeout) = 0;

  // Has every record that is not reported yet reported now, as not written or perhaps written;
  // Produce answers KAFKA_UNAVAILABLE from then on. Waits for no broker. By one thread at a time.
  virtual void Stop() = 0;
};

}  // namespace eventbus::kafka
