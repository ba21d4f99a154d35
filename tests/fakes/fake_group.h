#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "server/base/mutex.h"
#include "server/kafka/consumer.h"

namespace eventbus::fakes {

// A consumer group as its coordinator sees it, with an eager assignor: a rebalance takes every
// partition away, waits for every member to let go, and deals them out anew, one after the other.
// Thread-safe.
class FakeGroup {
 public:
  using MemberId = int;
  using Partitions = std::vector<kafka::TopicPartition>;

  // The partitions of the topics, and a wake-up of every consumer.
  FakeGroup(std::function<Partitions(const std::vector<std::string>&)> partitions_of,
            std::function<void()> wake)
      : partitions_of_(std::move(partitions_of)), wake_(std::move(wake)) {}

  // ---- The test's side.
  // -1: none.
  std::int64_t committed(const kafka::TopicPartition& partition) const;
  // With its metadata.
  kafka::GroupOffset committed_offset(const kafka::TopicPartition& partition) const;
  void SetCommitted(const kafka::TopicPartition& partition, std::int64_t offset);
  // Commits and look-ups fail with it; OK: they work.
  void SetError(const absl::Status& error);
  // Members are told it by their next PollGroup.
  void FailMembers(const absl::Status& error);
  // As after an outage longer than the session: every member has lost what it had, and joins again.
  void LoseAssignments();
  // As when the process of a member is killed: the group goes on without it, and takes nothing from
  // it any more. The members are numbered from 1 in the order in which they join.
  void Kill(MemberId member);
  // Its members find no leader of the partition, or find one again.
  void TakeLeader(const kafka::TopicPartition& partition);
  void GiveLeader(const kafka::TopicPartition& partition);
  int members() const;
  int commits() const;
  // Commits of a partition by a member that did not have it.
  int foreign_commits() const;

  // ---- The consumer's side.
  MemberId Join(const std::vector<std::string>& topics);
  void ChangeTopics(MemberId member, const std::vector<std::string>& topics);
  // Answers to its commits that the member has not polled are handed over.
  std::vector<std::function<void()>> Leave(MemberId member);
  // The member has answered a revocation.
  void Release(MemberId member);
  void Commit(MemberId member, const std::vector<kafka::GroupOffset>& offsets,
              kafka::GroupConsumer::Done done);
  absl::Status CommitNow(MemberId member, const std::vector<kafka::GroupOffset>& offsets);
  absl::StatusOr<std::vector<kafka::GroupOffset>> Committed(const Partitions& partitions) const;
  bool leaderless(const kafka::TopicPartition& partition) const;
  // Hands one event out; false: there is none.
  bool PollOne(MemberId member, kafka::GroupEvents& events);

 private:
  struct Assigned {
    Partitions partitions;
  };
  struct Revoked {
    Partitions partitions;
    bool lost = false;
  };
  struct Replied {
    std::shared_ptr<kafka::GroupConsumer::Done> done;
    absl::Status status;
  };
  using Event = std::variant<Assigned, Revoked, Replied, absl::Status>;
  struct Member {
    std::vector<std::string> topics;
    Partitions owned;
    bool releasing = false;
    bool killed = false;
    std::deque<Event> events;
  };

  void Rebalance(bool lost) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DealIfFree() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::function<Partitions(const std::vector<std::string>&)> partitions_of_;
  const std::function<void()> wake_;
  mutable Mutex mu_;
  std::map<MemberId, Member> members_ ABSL_GUARDED_BY(mu_);
  MemberId last_ ABSL_GUARDED_BY(mu_) = 0;
  bool rebalancing_ ABSL_GUARDED_BY(mu_) = false;
  std::map<kafka::TopicPartition, kafka::GroupOffset> committed_ ABSL_GUARDED_BY(mu_);
  std::set<kafka::TopicPartition> leaderless_ ABSL_GUARDED_BY(mu_);
  absl::Status error_ ABSL_GUARDED_BY(mu_);
  int commits_ ABSL_GUARDED_BY(mu_) = 0;
  int foreign_commits_ ABSL_GUARDED_BY(mu_) = 0;
};

// A member of `group` that reads through `records`.
std::unique_ptr<kafka::GroupConsumer> MakeFakeGroupConsumer(
    std::shared_ptr<FakeGroup> group, std::unique_ptr<kafka::Consumer> records);

}  // namespace eventbus::fakes
