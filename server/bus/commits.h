#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "server/bus/commit_metadata.h"
#include "server/bus/cursors.h"
#include "server/kafka/consumer.h"

namespace eventbus::bus {

// What a member of a group commits: of each of its partitions the offset up to which everything
// counts as delivered. Pure; one thread at a time.
class Commits {
 public:
  virtual ~Commits() = default;

  // The partition, which ends at `end` now, is this member's from now on, to be read from
  // `position`. `known`: what the group has for it; behind `position` where retention took what is
  // between. Unset: it has nothing, or of another log.
  virtual void Add(const kafka::TopicPartition& partition, std::int64_t position, std::int64_t end,
                   const absl::optional<kafka::GroupOffset>& known) = 0;
  // The same for one that was parked, where the group still has what this member committed, so that
  // nobody else has had it: everything goes on, whatever retention took meanwhile. Returns where it
  // is to be read from; unset: it is to be added anew.
  virtual absl::optional<std::int64_t> Resume(const kafka::TopicPartition& partition,
                                              const absl::optional<kafka::GroupOffset>& known) = 0;
  // Its last commit follows, before others may have it.
  virtual void Close(const kafka::TopicPartition& partition) = 0;
  // A rebalance has taken the partition; it may come back by the assignment that follows, after
  // which DropParked is called.
  virtual void Park(const kafka::TopicPartition& partition) = 0;
  virtual void DropParked() = 0;
  // The client is yet to be told that these records of the partition are gone, and where it never
  // is, whoever reads next is to tell it...
  virtual void AddGap(const kafka::TopicPartition& partition, const Span& gap) = 0;
  // ...of all up to `end` by what is handed to a write now.
  virtual void TellGaps(const kafka::TopicPartition& partition, std::int64_t end) = 0;
  // The partition, parked or not, is no longer this member's.
  virtual void Remove(const kafka::TopicPartition& partition) = 0;
  // Whether what was read and not delivered is kept; else it is to be read again.
  virtual bool keeps_what_was_read() const = 0;

  // Everything that `cursors` has as delivered was handed to a write, or needed none...
  virtual void Take(const Cursors& cursors) = 0;
  // ...and is written.
  virtual void Written() = 0;

  // Whether Kafka has to be told of anything; whether of a partition of which it has to know before
  // anything is delivered; whether something waits for it.
  virtual bool due() const = 0;
  virtual bool first_due() const = 0;
  virtual bool urgent() const = 0;
  // What to commit: where it differs from what was committed or is on its way.
  virtual std::vector<kafka::GroupOffset> TakeDue() = 0;
  // The same for what is on its way, too: the last commit, before others take over.
  virtual std::vector<kafka::GroupOffset> TakeLast() = 0;
  // The commit of `offsets` is through, or failed and is due again.
  virtual void Committed(const std::vector<kafka::GroupOffset>& offsets) = 0;
  virtual void Failed(const std::vector<kafka::GroupOffset>& offsets, const absl::Status& why) = 0;
};

}  // namespace eventbus::bus
