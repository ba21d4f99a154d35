#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bus/commits.h"
#include "server/bus/group_source.h"
#include "server/bus/group_start.h"
#include "server/bus/reader.h"
#include "server/kafka/consumer.h"

namespace eventbus::bus {

struct GroupMemberOptions {
  absl::Duration commit_interval = absl::Seconds(1);
  GapPolicy gap_policy = GapPolicy::kEarliest;
  // How long a rebalance waits for a write under way, where being written is what counts.
  absl::Duration release_grace = absl::Seconds(2);
};

// A member of a Kafka group as the partitions see it: which are its own, where each is read, and
// what is committed.
//
//   joining --assigned--> resolving --starts found--> reading --revoked--> releasing --> joining
//                                                        any --lost--> joining
//
// In `resolving` somebody else has to look up where the partitions start, as that blocks. Where
// that cannot be known yet, as of a partition without a leader, the group is not held up: the
// others are read, and it is looked up again. While `releasing`, the group waits for the write
// under way to be committed, at most `release_grace`.
//
// Drives `reader`, whose cursors are the partitions of this member: nothing is read but in
// `reading`. One thread at a time; no call blocks.
class GroupMember final : private kafka::GroupEvents {
 public:
  // Before a commit or look-up that failed is tried again.
  static constexpr absl::Duration kRetry = absl::Seconds(1);

  // `commits` decides what is committed; it and `reader` outlive the member.
  GroupMember(GroupMemberOptions options, Reader& reader, Commits& commits)
      : options_(options), reader_(reader), commits_(commits) {}

  // Once, with a consumer that has joined. `known`: the partitions there are by now; others appear.
  void Begin(std::shared_ptr<kafka::GroupConsumer> consumer, std::set<kafka::TopicPartition> known);

  // Takes part in the group: rebalances, commits and their answers. `writing`: a write is under
  // way. Must be called at least each second.
  void Poll(absl::Time now, bool writing);

  // The partitions whose starts have to be found now, or of which one was lost while it was read;
  // once each time. May be empty: then there is nothing to ask Kafka for.
  absl::optional<std::vector<kafka::TopicPartition>> TakeLookUp(absl::Time now);
  // What came of it. KAFKA_UNAVAILABLE: it is looked up again; any other error is the member's.
  void OnLookedUp(const absl::StatusOr<GroupView>& view, const Start& initial, absl::Time now);
  bool Appeared(const kafka::TopicPartition& partition) const {
    return !known_.contains(partition);
  }

  // What the reader has as delivered goes into a write; it is written.
  void Take() { commits_.Take(reader_.cursors()); }
  void Written() { commits_.Written(); }

  // Records may be read. A member on standby reads, too, but of nothing.
  bool reading() const { return state_ == State::kReading; }
  // The group has an offset for every partition: whatever is written from now on is delivered to
  // it, even if nobody reads meanwhile.
  bool fixed() const { return reading() && (error_.has_value() || !commits_.first_due()); }
  // Whether just these are this member's, in order; and which are.
  bool Has(const std::vector<kafka::TopicPartition>& partitions) const;
  std::vector<kafka::TopicPartition> partitions() const;
  // Those that it has been given besides, of which Kafka does not say where to begin.
  std::vector<kafka::TopicPartition> waiting() const;
  // True once after an assignment was lost.
  bool TakeLoss() { return std::exchange(loss_, false); }
  // What was lost of the partitions, in the order of its discovery; once.
  std::vector<Lost> TakeGaps() { return std::exchange(gaps_, {}); }
  // One of them is handed to a write.
  void TellGap(const Lost& gap);
  // Why this member cannot go on.
  const absl::optional<absl::Status>& error() const { return error_; }

  // When Poll has something to do besides what the consumer reports.
  absl::Time next_poll() const { return next_poll_; }

  // Tells Kafka at once what something waits for.
  void CommitUrgent(absl::Time now);

  // Leaves the group with a last commit; as GroupConsumer::Leave. Nothing may follow.
  void Leave(kafka::GroupConsumer::Done done);
  const std::shared_ptr<kafka::GroupConsumer>& consumer() const { return consumer_; }

 private:
  enum class State { kJoining, kResolving, kReading, kReleasing };

  void OnAssigned(const std::vector<kafka::TopicPartition>& partitions) override;
  void OnRevoked(const std::vector<kafka::TopicPartition>& partitions, bool lost) override;
  void OnGroupError(const absl::Status& error) override;

  void FindStarts(const GroupView& view, const Start& initial);
  void FindLost(const GroupView& view);
  void LookUpLater();
  void BeginAt(const std::vector<GroupStart>& starts);
  std::int64_t Enter(const GroupStart& start);
  void NoteGap(const Lost& gap);
  void GoOn(const GroupStart& start);
  void Release();
  void Close(const std::vector<kafka::TopicPartition>& partitions);
  void LetGo();
  void Commit(std::vector<kafka::GroupOffset> offsets);
  void Fail(const absl::Status& status);
  void StartOver(const GroupStart& start, bool other_log);
  Cursors Kept(const std::vector<kafka::TopicPartition>& without) const;

  const GroupMemberOptions options_;
  Reader& reader_;
  Commits& commits_;
  std::shared_ptr<kafka::GroupConsumer> consumer_;
  std::set<kafka::TopicPartition> known_;

  State state_ = State::kJoining;
  absl::Time now_;  // Of the call under way.
  // Those of the rebalance under way, either way.
  std::vector<kafka::TopicPartition> changing_;
  // Of the assignment, those without a start yet: nothing is read of them.
  std::vector<kafka::TopicPartition> pending_;
  bool looking_up_ = false;
  bool looking_up_lost_ = false;  // And that, one that was being read.
  bool stale_ = false;            // What is being looked up is no longer wanted.
  bool answered_ = false;         // The assignment that is being resolved.
  bool parked_ = false;           // Some are, and the next assignment says what becomes of them.
  absl::Time look_up_at_ = absl::InfinitePast();
  absl::Time release_by_;
  absl::Time commit_at_ = absl::InfinitePast();
  absl::Time retry_at_ = absl::InfinitePast();  // After a commit that failed.
  absl::Time next_poll_;
  // Where the partitions ended that were there when reading began first; unset before.
  absl::optional<std::map<kafka::TopicPartition, std::int64_t>> first_ends_;
  bool loss_ = false;
  std::vector<Lost> gaps_;
  absl::optional<absl::Status> error_;
};

}  // namespace eventbus::bus
