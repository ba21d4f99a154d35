#include "server/bus/group_member.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/log.h"

namespace eventbus::bus {
namespace {

// Of the group's events in one Poll.
constexpr int kMostEvents = 100;
// A member that Kafka has not heard of for max.poll.interval.ms is out.
constexpr absl::Duration kPollInterval = absl::Seconds(1);

bool Contains(const std::vector<kafka::TopicPartition>& list,
              const kafka::TopicPartition& partition) {
  return std::find(list.begin(), list.end(), partition) != list.end();
}

absl::Status Expired(const Lost& lost) {
  return MakeError(v1::ERROR_REASON_RESUME_POSITION_EXPIRED,
                   absl::StrCat("the group's offset ", lost.first_offset, " of ",
                                lost.partition.topic, " partition ", lost.partition.partition,
                                lost.past_end() ? " is past the end" : " is gone",
                                ", and gap_policy is GAP_POLICY_FAIL"));
}

}  // namespace

void GroupMember::Begin(std::shared_ptr<kafka::GroupConsumer> consumer,
                        std::set<kafka::TopicPartition> known) {
  consumer_ = std::move(consumer);
  known_ = std::move(known);
  reader_.Begin(consumer_, Cursors());
}

void GroupMember::Poll(absl::Time now, bool writing) {
  now_ = now;
  consumer_->PollGroup(kMostEvents, *this);
  if (state_ == State::kReleasing && (!writing || now >= release_by_)) {
    Release();
    consumer_->PollGroup(kMostEvents, *this);  // What had to wait for it.
  }
  if (state_ == State::kReading && commits_.due() && now >= commit_at_) {
    commit_at_ = now + options_.commit_interval;
    Commit(commits_.TakeDue());
  }
  CommitUrgent(now);
  next_poll_ = now + kPollInterval;
  if (state_ == State::kReading && commits_.due()) next_poll_ = std::min(next_poll_, commit_at_);
  if (state_ == State::kReleasing) next_poll_ = std::min(next_poll_, release_by_);
}

void GroupMember::CommitUrgent(absl::Time now) {
  now_ = now;
  if (state_ != State::kReading || !commits_.urgent() || now < retry_at_) return;
  Commit(commits_.TakeDue());
}

absl::optional<std::vector<kafka::TopicPartition>> GroupMember::TakeLookUp(absl::Time now) {
  if (looking_up_ || now < look_up_at_ || error_.has_value()) return absl::nullopt;
  const bool reading = state_ == State::kReading;
  // What was read before the loss is delivered before it is told.
  looking_up_lost_ = reading && reader_.lost().has_value() && !reader_.has_batch();
  looking_up_ = looking_up_lost_ || state_ == State::kResolving || (reading && !pending_.empty());
  if (!looking_up_) return absl::nullopt;
  if (looking_up_lost_) return std::vector<kafka::TopicPartition>{*reader_.lost()};
  return pending_;
}

void GroupMember::OnLookedUp(const absl::StatusOr<GroupView>& looked_up, const Start& initial,
                             absl::Time now) {
  now_ = now;
  looking_up_ = false;
  if (std::exchange(stale_, false)) return;
  if (absl::IsUnavailable(looked_up.status())) return LookUpLater();  // An outage is outlived.
  if (!looked_up.ok()) return Fail(looked_up.status());
  if (looking_up_lost_) return FindLost(*looked_up);
  FindStarts(*looked_up, initial);
}

void GroupMember::FindLost(const GroupView& looked_up) {
  const PartitionView& view = looked_up.views.at(0);
  const int index = reader_.cursors().Find(view.partition.topic, view.partition.partition);
  const std::int64_t read = reader_.cursors()[index].read;
  GoOn(FindNextStart(view.partition, read, view.marks, options_.gap_policy));
}

void GroupMember::FindStarts(const GroupView& looked_up, const Start& initial) {
  std::vector<GroupStart> starts;
  for (std::size_t i = 0; i < looked_up.views.size(); ++i) {
    const PartitionView& view = looked_up.views[i];
    starts.push_back(FindGroupStart({view, looked_up.committed[i], Appeared(view.partition)},
                                    initial, options_.gap_policy));
  }
  pending_ = looked_up.leaderless;
  if (!pending_.empty()) look_up_at_ = now_ + kRetry;
  BeginAt(starts);
}

// Other members must not wait for it: what it has is read on, and the rest not yet.
void GroupMember::LookUpLater() {
  look_up_at_ = now_ + kRetry;
  if (state_ != State::kResolving || std::exchange(answered_, true)) return;
  if (!reader_.cursors().all().empty()) return BeginAt({});
  if (absl::Status status = reader_.GoOn(); !status.ok()) Fail(status);
}

bool GroupMember::Has(const std::vector<kafka::TopicPartition>& partitions) const {
  const auto& cursors = reader_.cursors().all();
  return std::equal(cursors.begin(), cursors.end(), partitions.begin(), partitions.end(),
                    [](const Cursors::Cursor& cursor, const kafka::TopicPartition& partition) {
                      return cursor.partition == partition;
                    });
}

std::vector<kafka::TopicPartition> GroupMember::partitions() const {
  std::vector<kafka::TopicPartition> partitions;
  for (const Cursors::Cursor& cursor : reader_.cursors().all()) {
    partitions.push_back(cursor.partition);
  }
  return partitions;
}

std::vector<kafka::TopicPartition> GroupMember::waiting() const {
  if (state_ == State::kResolving && !answered_) return {};  // They may be about to be found.
  return pending_;
}

void GroupMember::Leave(kafka::GroupConsumer::Done done) {
  Close(partitions());
  if (state_ == State::kReleasing) Close(changing_);
  consumer_->Leave(commits_.TakeLast(), std::move(done));
}

void GroupMember::OnAssigned(const std::vector<kafka::TopicPartition>& partitions) {
  stale_ = looking_up_;
  parked_ = false;
  pending_.insert(pending_.end(), partitions.begin(), partitions.end());
  state_ = State::kResolving;
  answered_ = false;
  look_up_at_ = now_;
  if (pending_.empty()) BeginAt({});
}

void GroupMember::OnRevoked(const std::vector<kafka::TopicPartition>& partitions, bool lost) {
  stale_ = looking_up_;
  changing_ = partitions;
  std::erase_if(pending_, [&partitions](const kafka::TopicPartition& each) {
    return Contains(partitions, each);
  });
  reader_.Restart(Kept(partitions));
  if (!lost) {
    state_ = State::kReleasing;
    release_by_ = now_ + options_.release_grace;
    return;
  }
  loss_ = loss_ || !partitions.empty();
  for (const kafka::TopicPartition& partition : partitions) commits_.Remove(partition);
  LetGo();
}

void GroupMember::OnGroupError(const absl::Status& error) { Fail(error); }

// Of a partition that was there when reading began first, `stop_at_end` keeps to the end it had
// then.
void GroupMember::BeginAt(const std::vector<GroupStart>& starts) {
  Cursors cursors = reader_.cursors();
  if (commits_.keeps_what_was_read()) reader_.DropBatch();  // One that joins may need care.
  for (const GroupStart& start : starts) {
    std::int64_t end = start.end;
    if (first_ends_.has_value()) {
      const auto found = first_ends_->find(start.partition);
      end = found == first_ends_->end() ? -1 : found->second;
    }
    cursors.Add(start.partition, Enter(start), end, start.past_end());
  }
  if (pending_.empty() && !parked_) commits_.DropParked();
  if (!first_ends_.has_value()) {
    first_ends_.emplace();
    for (const GroupStart& start : starts) first_ends_->emplace(start.partition, start.end);
  }
  reader_.SetCursors(std::move(cursors));
  state_ = State::kReading;
  if (error_.has_value()) return;
  if (absl::Status status = reader_.GoOn(); !status.ok()) return Fail(status);
  commit_at_ = now_ + options_.commit_interval;
  if (commits_.first_due()) Commit(commits_.TakeDue());
}

// Where it is to be read from.
std::int64_t GroupMember::Enter(const GroupStart& start) {
  // What retention took of it, if it has not been read, is found by reading on.
  const auto next = commits_.Resume(start.partition, start.known);
  if (next.has_value()) return *next;
  std::vector<Lost> gaps = start.untold;
  if (start.lost.has_value()) gaps.push_back(*start.lost);
  gaps_.insert(gaps_.end(), gaps.begin(), gaps.end());
  if (!gaps.empty() && options_.gap_policy == GapPolicy::kFail) {
    Fail(Expired(gaps.front()));  // The group keeps the offset that it has.
    return start.offset;
  }
  commits_.Add(start.partition, start.offset, start.end, start.known);
  for (const Lost& gap : gaps) NoteGap(gap);
  return start.offset;
}

// What lies past the end is of no log that anybody reads.
void GroupMember::NoteGap(const Lost& gap) {
  if (gap.past_end()) return;
  commits_.AddGap(gap.partition, {gap.first_offset, gap.next_offset});
}

void GroupMember::TellGap(const Lost& gap) {
  if (!gap.past_end()) commits_.TellGaps(gap.partition, gap.next_offset);
}

void GroupMember::GoOn(const GroupStart& start) {
  if (start.lost.has_value()) {
    gaps_.push_back(*start.lost);
    if (options_.gap_policy == GapPolicy::kFail) return Fail(Expired(*start.lost));
    NoteGap(*start.lost);
    const bool other_log = start.lost->past_end();  // Under the same name.
    StartOver(start, other_log);
    if (other_log) {
      reader_.DropBatch();  // What was kept may be in it meanwhile.
      commits_.Remove(start.partition);
      commits_.Add(start.partition, start.offset, start.end, absl::nullopt);
    }
  }
  if (absl::Status status = reader_.GoOn(); !status.ok()) Fail(status);
}

void GroupMember::StartOver(const GroupStart& start, bool other_log) {
  Cursors cursors = reader_.cursors();
  const int index = cursors.Find(start.partition.topic, start.partition.partition);
  if (other_log) {
    cursors.StartOver(index, start.offset, start.end);
  } else {
    cursors.SetRead(index, start.offset);
    cursors.SetDelivered(index, start.offset);
  }
  reader_.SetCursors(std::move(cursors));
}

void GroupMember::Close(const std::vector<kafka::TopicPartition>& partitions) {
  for (const kafka::TopicPartition& partition : partitions) commits_.Close(partition);
}

void GroupMember::Release() {
  Close(changing_);
  Commit(commits_.TakeLast());
  for (const kafka::TopicPartition& partition : changing_) commits_.Park(partition);
  parked_ = true;
  LetGo();
}

// Under a cooperative assignor a member may keep some: they are read on from where they are.
void GroupMember::LetGo() {
  if (absl::Status status = consumer_->Release(); !status.ok()) return Fail(status);
  state_ = State::kJoining;
  if (reader_.cursors().all().empty()) return;
  state_ = State::kReading;
  if (absl::Status status = reader_.GoOn(); !status.ok()) Fail(status);
}

// Done runs in PollGroup, and so within Poll.
void GroupMember::Commit(std::vector<kafka::GroupOffset> offsets) {
  if (offsets.empty()) return;
  consumer_->Commit(offsets, [this, offsets](const absl::Status& status) {
    if (status.ok()) return commits_.Committed(offsets);
    commits_.Failed(offsets, status);
    commit_at_ = now_ + kRetry;
    retry_at_ = now_ + kRetry;
    if (absl::IsPermissionDenied(status)) return Fail(status);
    Log(LogLevel::kWarning, "commit failed, it is tried again",
        {{"reason", std::string(status.message())}});
  });
}

void GroupMember::Fail(const absl::Status& status) {
  if (!error_.has_value()) error_ = status;
}

// What was read and not delivered is read again, unless it is kept.
Cursors GroupMember::Kept(const std::vector<kafka::TopicPartition>& without) const {
  Cursors kept;
  for (const Cursors::Cursor& cursor : reader_.cursors().all()) {
    if (Contains(without, cursor.partition)) continue;
    const std::int64_t next = commits_.keeps_what_was_read() ? cursor.read : cursor.delivered;
    kept.Add(cursor.partition, next, cursor.end_at_start, cursor.unsure);
  }
  return kept;
}

}  // namespace eventbus::bus
