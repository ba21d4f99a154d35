#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/kafka/record.h"

namespace eventbus::kafka {

// What a partition holds: [begin, end), `end` being what read_committed shows.
struct Watermarks {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

struct StartOffset {
  TopicPartition partition;
  std::int64_t offset = 0;
};

// Receives what Consumer::Poll finds, in the thread that polls.
class ConsumerEvents {
 public:
  virtual ~ConsumerEvents() = default;

  virtual void OnRecord(const RecordView& record) = 0;

  // The reader has everything of the partition up to `next_offset`, where the next record will be.
  virtual void OnPartitionEnd(const TopicPartition& partition, std::int64_t next_offset) = 0;

  // The position of the partition is not (or no longer) in the log; it is not read until the next
  // Assign. Compare with the watermarks to see why.
  virtual void OnPositionLost(const TopicPartition& partition) = 0;

  // Errors of one partition or of the whole consumer. TOPIC_NOT_FOUND and SUBSCRIBE_DENIED do not
  // heal by waiting; INTERNAL means the consumer is dead. An outage of the brokers is no error
  // here: the consumer goes on trying and nothing is reported.
  virtual void OnError(const absl::Status& error) = 0;
};

// Reads partitions that its owner chose (no group). One thread at a time; look-ups may run beside
// Poll.
class Consumer {
 public:
  virtual ~Consumer() = default;

  // Replaces everything that is read by `positions`. What was fetched before is dropped. The first
  // record comes half a second sooner where QueryWatermarks was called once before. A topic or
  // partition that is not there is told by OnError, about a second later; TOPIC_NOT_FOUND at once
  // where that is known already. A topic that is denied from the start is told by the look-ups
  // alone: call one first.
  virtual absl::Status Assign(const std::vector<StartOffset>& positions) = 0;

  // Hands what is there to `events`, at most `max` things, and does not wait. Returns how many it
  // handed out: fewer than `max` means that nothing was left.
  virtual int Poll(int max, ConsumerEvents& events) = 0;

  // The end of `partition` as last heard from the broker, without asking; -1: not known. It counts
  // records of transactions that are still open, which read_committed does not show yet. May run
  // beside Poll.
  virtual std::int64_t CachedEnd(const TopicPartition& partition) const = 0;

  // Look-ups. They block up to `timeout`; KAFKA_UNAVAILABLE when it runs out. In the order of the
  // arguments.
  virtual absl::StatusOr<std::vector<Watermarks>> QueryWatermarks(
      const std::vector<TopicPartition>& partitions, absl::Duration timeout) = 0;
  // The first offset whose record has that time or a later one; -1: none. UNSUPPORTED on the
  // embedded Kafka.
  virtual absl::StatusOr<std::vector<std::int64_t>> QueryOffsetsForTime(
      const std::vector<TopicPartition>& partitions, absl::Time time, absl::Duration timeout) = 0;
};

// Receives what GroupConsumer::PollGroup finds, in the thread that polls.
class GroupEvents {
 public:
  virtual ~GroupEvents() = default;

  // A rebalance gave `partitions` to this member, in addition to what it has (all there are, where
  // the assignor is eager). They are not read, and the group does not go on, until Assign is called
  // with them; may be none.
  virtual void OnAssigned(const std::vector<TopicPartition>& partitions) = 0;

  // `partitions` go to other members, or come back by the next OnAssigned. The group waits until
  // Release is called; until then commits for them are taken, unless they are `lost`: then another
  // member may read them already. Where Release comes later than the group waits
  // (max.poll.interval.ms), that is told by the commit alone, which fails.
  virtual void OnRevoked(const std::vector<TopicPartition>& partitions, bool lost) = 0;

  // As ConsumerEvents::OnError, and GROUP_DENIED, GROUP_PROTOCOL_MISMATCH: the consumer does not
  // become a member, goes on trying, and tells it again.
  virtual void OnGroupError(const absl::Status& error) = 0;
};

// The offset of the next record that the group is to read of a partition.
struct GroupOffset {
  TopicPartition partition;
  // -1: the group has none.
  std::int64_t offset = -1;
  // Printable ASCII, at most 4,096 bytes.
  std::string metadata;

  bool operator==(const GroupOffset&) const = default;
};

// Reads what Kafka assigns to it as a member of a consumer group. Records and what happens to the
// group come apart, so that a reader who takes no records still answers rebalances: whatever it
// reads, PollGroup must be called each second, or the group goes on without it after
// max.poll.interval.ms.
//
// Assign answers OnAssigned: it then lists everything that is to be read, the new partitions
// included, and each starts afresh at its position; one that it leaves out is this member's and
// not read. Between rebalances it moves positions; not between OnRevoked and Release. One thread at
// a time; look-ups may run beside it, but not beside Leave and the destructor.
//
// The destructor leaves the group without a commit, if Leave was not called, and does not wait;
// what Commit was given and did not run is destroyed unrun.
class GroupConsumer : public Consumer {
 public:
  // Runs in PollGroup, or where it is said; the error of a commit that Kafka did not take, or not
  // for all partitions: KAFKA_UNAVAILABLE (it may be tried again), GROUP_DENIED, SUBSCRIBE_DENIED,
  // EVENT_TOO_LARGE (the metadata; Kafka takes the offset without), INTERNAL.
  using Done = absl::AnyInvocable<void(const absl::Status&)>;

  // Joins with these topics, or, a member already, changes to them. TOPIC_NOT_FOUND where that is
  // known already; else OnGroupError tells it, and a topic is read once it appears.
  virtual absl::Status Join(const std::vector<std::string>& topics) = 0;

  // As Poll, for what happens to the group.
  virtual int PollGroup(int max, GroupEvents& events) = 0;

  // Answers OnRevoked, once all commits so far are answered.
  virtual absl::Status Release() = 0;

  // Commits `offsets`, at least one, for the group. In the order of the calls.
  virtual void Commit(const std::vector<GroupOffset>& offsets, Done done) = 0;

  // As QueryWatermarks, but a partition that stays without a leader for a second or two has
  // {-1, -1}.
  virtual absl::StatusOr<std::vector<Watermarks>> QueryLedWatermarks(
      const std::vector<TopicPartition>& partitions, absl::Duration timeout) = 0;

  // What the group has for `partitions`, in their order. Blocks up to `timeout`; KAFKA_UNAVAILABLE
  // when it runs out, GROUP_DENIED. Of a group that is denied from the start OnGroupError tells
  // alone.
  virtual absl::StatusOr<std::vector<GroupOffset>> QueryCommitted(
      const std::vector<TopicPartition>& partitions, absl::Duration timeout) = 0;

  // The last call: commits `offsets`, if there are any, and leaves the group; whatever OnAssigned
  // or OnRevoked waits for is answered. `done` runs once on another thread, after at most five
  // seconds, with the result of the commit; what earlier calls of Commit wait for runs before it on
  // that thread. The consumer may be destroyed meanwhile.
  virtual void Leave(std::vector<GroupOffset> offsets, Done done) = 0;
};

// Makes consumers. Thread-safe.
class ConsumerFactory {
 public:
  virtual ~ConsumerFactory() = default;

  // `client_id` becomes Kafka's client.id. `on_ready` runs on a thread of the consumer's whenever
  // something may be there to poll after Poll had found nothing left; it must not block nor call
  // the consumer.
  virtual absl::StatusOr<std::unique_ptr<Consumer>> MakeConsumer(
      const std::string& client_id, absl::AnyInvocable<void()> on_ready) = 0;

  // The same for a member of `group_id`, which joins later; `on_ready` is for Poll and PollGroup.
  virtual absl::StatusOr<std::unique_ptr<GroupConsumer>> MakeGroupConsumer(
      const std::string& group_id, const std::string& client_id,
      absl::AnyInvocable<void()> on_ready) = 0;
};

}  // namespace eventbus::kafka
