#include "tests/fakes/fake_group.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "server/base/error.h"

namespace eventbus::fakes {

std::int64_t FakeGroup::committed(const kafka::TopicPartition& partition) const {
  MutexLock lock(mu_);
  const auto found = committed_.find(partition);
  return found == committed_.end() ? -1 : found->second.offset;
}

kafka::GroupOffset FakeGroup::committed_offset(const kafka::TopicPartition& partition) const {
  MutexLock lock(mu_);
  const auto found = committed_.find(partition);
  return found == committed_.end() ? kafka::GroupOffset{partition, -1, ""} : found->second;
}

void FakeGroup::SetCommitted(const kafka::TopicPartition& partition, std::int64_t offset) {
  MutexLock lock(mu_);
  committed_[partition] = {partition, offset, ""};
}

void FakeGroup::SetError(const absl::Status& error) {
  MutexLock lock(mu_);
  error_ = error;
}

void FakeGroup::FailMembers(const absl::Status& error) {
  {
    MutexLock lock(mu_);
    for (auto& [id, member] : members_) member.events.emplace_back(error);
  }
  wake_();
}

void FakeGroup::LoseAssignments() {
  {
    MutexLock lock(mu_);
    Rebalance(/*lost=*/true);
  }
  wake_();
}

void FakeGroup::Kill(MemberId member) {
  {
    MutexLock lock(mu_);
    Member& killed = members_.at(member);
    killed = {};
    killed.killed = true;
    Rebalance(/*lost=*/false);
  }
  wake_();
}

void FakeGroup::TakeLeader(const kafka::TopicPartition& partition) {
  MutexLock lock(mu_);
  leaderless_.insert(partition);
}

void FakeGroup::GiveLeader(const kafka::TopicPartition& partition) {
  MutexLock lock(mu_);
  leaderless_.erase(partition);
}

bool FakeGroup::leaderless(const kafka::TopicPartition& partition) const {
  MutexLock lock(mu_);
  return leaderless_.contains(partition);
}

int FakeGroup::members() const {
  MutexLock lock(mu_);
  return static_cast<int>(std::count_if(members_.begin(), members_.end(),
                                        [](const auto& each) { return !each.second.killed; }));
}

int FakeGroup::commits() const {
  MutexLock lock(mu_);
  return commits_;
}

int FakeGroup::foreign_commits() const {
  MutexLock lock(mu_);
  return foreign_commits_;
}

FakeGroup::MemberId FakeGroup::Join(const std::vector<std::string>& topics) {
  MemberId id = 0;
  {
    MutexLock lock(mu_);
    id = ++last_;
    members_[id].topics = topics;
    Rebalance(/*lost=*/false);
  }
  wake_();
  return id;
}

void FakeGroup::ChangeTopics(MemberId member, const std::vector<std::string>& topics) {
  {
    MutexLock lock(mu_);
    members_.at(member).topics = topics;
    Rebalance(/*lost=*/false);
  }
  wake_();
}

std::vector<std::function<void()>> FakeGroup::Leave(MemberId member) {
  std::vector<std::function<void()>> replies;
  {
    MutexLock lock(mu_);
    const auto found = members_.find(member);
    if (found == members_.end()) return replies;
    for (Event& event : found->second.events) {
      if (auto* replied = std::get_if<Replied>(&event)) {
        replies.push_back([reply = *replied] { (*reply.done)(reply.status); });
      }
    }
    members_.erase(found);
    Rebalance(/*lost=*/false);
  }
  wake_();
  return replies;
}

void FakeGroup::Release(MemberId member) {
  {
    MutexLock lock(mu_);
    Member& released = members_.at(member);
    released.releasing = false;
    released.owned.clear();
    DealIfFree();
  }
  wake_();
}

void FakeGroup::Commit(MemberId member, const std::vector<kafka::GroupOffset>& offsets,
                       kafka::GroupConsumer::Done done) {
  absl::Status status = CommitNow(member, offsets);
  {
    MutexLock lock(mu_);
    members_.at(member).events.emplace_back(
        Replied{std::make_shared<kafka::GroupConsumer::Done>(std::move(done)), std::move(status)});
  }
  wake_();
}

absl::Status FakeGroup::CommitNow(MemberId member, const std::vector<kafka::GroupOffset>& offsets) {
  MutexLock lock(mu_);
  if (!error_.ok()) return error_;
  if (members_.at(member).killed) return absl::UnavailableError("killed");
  const Partitions& owned = members_.at(member).owned;
  for (const kafka::GroupOffset& offset : offsets) {
    if (std::find(owned.begin(), owned.end(), offset.partition) != owned.end()) continue;
    ++foreign_commits_;
    return MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "illegal generation");
  }
  ++commits_;
  for (const kafka::GroupOffset& offset : offsets) committed_[offset.partition] = offset;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<kafka::GroupOffset>> FakeGroup::Committed(
    const Partitions& partitions) const {
  MutexLock lock(mu_);
  if (!error_.ok()) return error_;
  std::vector<kafka::GroupOffset> offsets;
  for (const kafka::TopicPartition& partition : partitions) {
    const auto found = committed_.find(partition);
    offsets.push_back(found == committed_.end() ? kafka::GroupOffset{partition, -1, ""}
                                                : found->second);
  }
  return offsets;
}

bool FakeGroup::PollOne(MemberId member, kafka::GroupEvents& events) {
  Event event;
  {
    MutexLock lock(mu_);
    const auto found = members_.find(member);
    if (found == members_.end() || found->second.events.empty()) return false;  // Not joined yet.
    std::deque<Event>& waiting = found->second.events;
    event = std::move(waiting.front());
    waiting.pop_front();
  }
  if (const auto* assigned = std::get_if<Assigned>(&event)) {
    events.OnAssigned(assigned->partitions);
  } else if (const auto* revoked = std::get_if<Revoked>(&event)) {
    events.OnRevoked(revoked->partitions, revoked->lost);
  } else if (const auto* replied = std::get_if<Replied>(&event)) {
    (*replied->done)(replied->status);
  } else {
    events.OnGroupError(std::get<absl::Status>(event));
  }
  return true;
}

// A member that has been dealt nothing yet has nothing to give back.
void FakeGroup::Rebalance(bool lost) {
  rebalancing_ = true;
  for (auto& [id, member] : members_) {
    if (member.releasing || member.owned.empty()) continue;
    member.releasing = true;
    member.events.emplace_back(Revoked{member.owned, lost});
    if (lost) member.owned.clear();
  }
  DealIfFree();
}

void FakeGroup::DealIfFree() {
  if (!rebalancing_) return;
  for (const auto& [id, member] : members_) {
    if (member.releasing) return;
  }
  rebalancing_ = false;
  std::map<kafka::TopicPartition, std::vector<MemberId>> takers;
  for (const auto& [id, member] : members_) {
    if (member.killed) continue;
    for (const auto& partition : partitions_of_(member.topics)) takers[partition].push_back(id);
  }
  std::size_t next = 0;
  for (const auto& [partition, ids] : takers) {
    members_.at(ids[next++ % ids.size()]).owned.push_back(partition);
  }
  for (auto& [id, member] : members_) {
    if (!member.killed) member.events.emplace_back(Assigned{member.owned});
  }
}

namespace {

class FakeGroupConsumer final : public kafka::GroupConsumer {
 public:
  FakeGroupConsumer(std::shared_ptr<FakeGroup> group, std::unique_ptr<kafka::Consumer> records)
      : group_(std::move(group)), records_(std::move(records)) {}
  ~FakeGroupConsumer() override {
    if (member_ != 0) group_->Leave(member_);
  }

  absl::Status Assign(const std::vector<kafka::StartOffset>& positions) override {
    return records_->Assign(positions);
  }
  int Poll(int max, kafka::ConsumerEvents& events) override { return records_->Poll(max, events); }
  std::int64_t CachedEnd(const kafka::TopicPartition& partition) const override {
    return records_->CachedEnd(partition);
  }
  absl::StatusOr<std::vector<kafka::Watermarks>> QueryWatermarks(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) override {
    return records_->QueryWatermarks(partitions, timeout);
  }
  absl::StatusOr<std::vector<kafka::Watermarks>> QueryLedWatermarks(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) override {
    auto marks = records_->QueryWatermarks(partitions, timeout);
    for (std::size_t i = 0; marks.ok() && i < partitions.size(); ++i) {
      if (group_->leaderless(partitions[i])) (*marks)[i] = {-1, -1};
    }
    return marks;
  }
  absl::StatusOr<std::vector<std::int64_t>> QueryOffsetsForTime(
      const std::vector<kafka::TopicPartition>& partitions, absl::Time time,
      absl::Duration timeout) override {
    return records_->QueryOffsetsForTime(partitions, time, timeout);
  }

  absl::Status Join(const std::vector<std::string>& topics) override {
    if (member_ != 0) {
      group_->ChangeTopics(member_, topics);
    } else {
      member_ = group_->Join(topics);
    }
    return absl::OkStatus();
  }
  int PollGroup(int max, kafka::GroupEvents& events) override {
    int found = 0;
    while (found < max && group_->PollOne(member_, events)) ++found;
    return found;
  }
  absl::Status Release() override {
    const absl::Status status = records_->Assign({});
    group_->Release(member_);
    return status;
  }
  void Commit(const std::vector<kafka::GroupOffset>& offsets, Done done) override {
    group_->Commit(member_, offsets, std::move(done));
  }
  absl::StatusOr<std::vector<kafka::GroupOffset>> QueryCommitted(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration) override {
    return group_->Committed(partitions);
  }
  void Leave(std::vector<kafka::GroupOffset> offsets, Done done) override {
    const absl::Status status =
        offsets.empty() ? absl::OkStatus() : group_->CommitNow(member_, offsets);
    const auto replies = group_->Leave(std::exchange(member_, 0));
    std::thread([&replies, &done, &status] {
      for (const auto& reply : replies) reply();
      done(status);
    }).join();
  }

 private:
  const std::shared_ptr<FakeGroup> group_;
  const std::unique_ptr<kafka::Consumer> records_;
  FakeGroup::MemberId member_ = 0;
};

}  // namespace

std::unique_ptr<kafka::GroupConsumer> MakeFakeGroupConsumer(
    std::shared_ptr<FakeGroup> group, std::unique_ptr<kafka::Consumer> records) {
  return std::make_unique<FakeGroupConsumer>(std::move(group), std::move(records));
}

}  // namespace eventbus::fakes
