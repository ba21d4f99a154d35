#pragma once

#include <cstdint>
#include <string>

#include "absl/types/optional.h"
#include "server/kafka/record.h"

namespace eventbus::bus {

// How an event is delivered.
struct Delivery {
  std::string ack_token;
  // 1 and its failures so far.
  int attempt = 1;
};

// Keeps account of what a reader reads, where every event has to be settled: says what goes into
// the next batch, and keeps what has to wait. One thread at a time.
class Account {
 public:
  virtual ~Account() = default;

  // The next record of the partition. False: it has been settled, and is not to be delivered.
  virtual bool Read(const kafka::TopicPartition& partition, std::int64_t offset) = 0;
  // Everything before `next` has been read, whether there are records or not.
  virtual void ReadTo(const kafka::TopicPartition& partition, std::int64_t next) = 0;
  // What was read is not to be delivered: it counts as settled.
  virtual void Skip(const kafka::TopicPartition& partition, std::int64_t offset) = 0;
  // What was read is to be delivered. Set: it goes into the next batch; unset: it is kept, and
  // comes by Next, or is given up.
  virtual absl::optional<Delivery> Deliver(const kafka::TopicPartition& partition,
                                           const kafka::RecordView& record, bool decodable) = 0;

  // The next of those kept that goes into the next batch; unset: none does now.
  struct Kept {
    kafka::KeptRecord record;
    Delivery delivery;
  };
  virtual absl::optional<Kept> Next() = 0;
  // Whether there are events that were read and never have been in a batch.
  virtual bool has_undelivered() const = 0;
  // The next batch is not sent: what is in it is kept, and comes by Next.
  virtual void TakeBack() = 0;

  // Whether the next batch may be sent now: false while Kafka is to be told of it first. Nothing is
  // added to it from then on.
  virtual bool MayTakeBatch() = 0;
  // The next `events` of those are a batch that goes to the client; its ack_token.
  virtual std::string TakeBatch(int events) = 0;
  // Nothing more may be read for now.
  virtual bool full() const = 0;
  // Nothing more of the partition may be read for now: too much has been behind its first event
  // that is not settled, or of it cannot be written to the dead-letter topic.
  virtual bool IsPaused(const kafka::TopicPartition& partition) const = 0;
  // Another number whenever an answer of IsPaused has changed.
  virtual std::uint64_t pauses() const = 0;
};

}  // namespace eventbus::bus
