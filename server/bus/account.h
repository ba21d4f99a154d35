#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "server/kafka/record.h"

namespace eventbus::bus {

// Keeps account of what a reader reads, where every event has to be settled. One thread at a time.
class Account {
 public:
  virtual ~Account() = default;

  // The next record of the partition. False: it has been settled, and is not to be delivered.
  virtual bool Read(const kafka::TopicPartition& partition, std::int64_t offset) = 0;
  // Everything before `next` has been read, whether there are records or not.
  virtual void ReadTo(const kafka::TopicPartition& partition, std::int64_t next) = 0;
  // What was read is not to be delivered: it counts as settled.
  virtual void Skip(const kafka::TopicPartition& partition, std::int64_t offset) = 0;
  // What was read is about to be delivered; its ack_token.
  virtual std::string Deliver(const kafka::TopicPartition& partition, std::int64_t offset,
                              std::size_t bytes) = 0;
  // The next `events` of those are a batch that goes to the client; its ack_token.
  virtual std::string TakeBatch(int events, absl::Time now) = 0;
  // Nothing more may be read for now.
  virtual bool full() const = 0;
};

}  // namespace eventbus::bus
