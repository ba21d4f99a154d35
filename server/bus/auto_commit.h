#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "server/bus/cursors.h"
#include "server/kafka/consumer.h"

namespace eventbus::bus {

// What a group that does not acknowledge (ACK_MODE_AUTO) commits: of each partition the offset up
// to which everything has been written to the stream, or was filtered out. Never more: what is
// read, or handed to a write that is not done, comes again after a crash. Pure; one thread at a
// time.
class AutoCommit {
 public:
  // The partition is this member's from now on and read from `position`. `committed`: the group has
  // just this offset already.
  void Add(const kafka::TopicPartition& partition, std::int64_t position, bool committed);

  // The partition is no longer this member's: a write under way counts for it no more.
  void Remove(const kafka::TopicPartition& partition);

  // Everything that `cursors` has as delivered was handed to a write, or needed none...
  void Take(const Cursors& cursors);
  // ...and is written.
  void Written();

  // Whether Kafka has to be told of anything; whether of a partition that it had no offset for.
  bool due() const;
  bool first_due() const;

  // What to commit: the last written of every partition where it differs from what was committed or
  // is on its way.
  std::vector<kafka::GroupOffset> TakeDue();
  // The same for what is on its way, too: the last commit, before others take over.
  std::vector<kafka::GroupOffset> TakeLast();

  // The commit of `offsets` is through, or failed and is due again.
  void Committed(const std::vector<kafka::GroupOffset>& offsets);
  void Failed(const std::vector<kafka::GroupOffset>& offsets);

 private:
  struct Offsets {
    std::int64_t taken = 0;
    std::int64_t written = 0;
    // On its way to Kafka, and there; -1: none.
    std::int64_t sent = -1;
    std::int64_t committed = -1;
  };

  std::map<kafka::TopicPartition, Offsets> partitions_;
};

}  // namespace eventbus::bus
