#include "server/bus/group.h"

#include <algorithm>
#include <utility>

#include "server/bus/tail_source.h"

namespace eventbus::bus {
namespace {

// Records read in one run, so that a busy stream does not keep others from their thread.
constexpr int kSlice = 1000;

}  // namespace

std::shared_ptr<Group> Group::Make(const Context& context, GroupRegistry& groups,
                                   GroupOptions options, std::shared_ptr<StreamSink> sink) {
  return std::shared_ptr<Group>(new Group(context, groups, std::move(options), std::move(sink)));
}

Group::Group(const Context& context, GroupRegistry& groups, GroupOptions options,
             std::shared_ptr<StreamSink> sink)
    : context_(context),
      groups_(groups),
      options_(std::move(options)),
      sink_(std::move(sink)),
      task_(std::make_shared<SerialTask>(context.executor)),
      settling_(options_.ack_mode == AckMode::kAuto
                    ? nullptr
                    : std::make_unique<Settling>(options_.settling)),
      reader_(context.plan, options_.reader),
      member_(options_.member, reader_,
              settling_ != nullptr ? static_cast<Commits&>(*settling_) : auto_commit_),
      last_heartbeat_(context.clock.Now()) {
  if (settling_ != nullptr) reader_.SetAccount(settling_.get());
}

void Group::Tell(absl::FunctionRef<void(Inbox&)> change) {
  {
    MutexLock lock(mu_);
    change(inbox_);
  }
  task_->Wake();
}

void Group::OnWritten() {
  Tell([](Inbox& inbox) { inbox.written = true; });
}

void Group::OnGone() {
  Tell([](Inbox& inbox) { inbox.gone = true; });
}

void Group::OnDeadline() {
  Tell([](Inbox& inbox) { inbox.at_deadline = true; });
}

void Group::OnHalfClose() {
  Tell([](Inbox& inbox) { inbox.half_closed = true; });
}

void Group::Drain(absl::Duration remaining) {
  Tell([remaining](Inbox& inbox) { inbox.drain = remaining; });
}

void Group::Start() {
  // Until Close: the stream that carries it may be done with it before its last commit.
  task_->SetBody([self = shared_from_this()] { self->Step(); });
  const auto status = groups_.Enter(options_.source.group_id, options_.reader.filter.Describe());
  if (!status.ok()) {
    state_ = State::kOver;
    task_->Stop();
    return sink_->Close(status, {});
  }
  if (context_.inspector != nullptr) {
    context_.inspector->Enter(options_.source.group_id, weak_from_this());
  }
  if (settling_ != nullptr) {
    ack_stream_ = context_.acks->Enter(weak_from_this());
    settling_->SetStream(ack_stream_);
    MutexLock lock(mu_);
    settles_ = true;
  }
  context_.blocking.Post([self = shared_from_this()] { self->Open(); });
}

// On the blocking pool.
void Group::Open() {
  // The consumer's threads hold the task alone: the last hold of a group, which ends its consumer,
  // must not be theirs.
  auto opened = OpenGroupSource(
      options_.source, context_.catalog, context_.admin, context_.consumers,
      [this](const std::vector<std::string>& topics) { return PrepareLetters(topics); },
      [task = task_] { task->Wake(); });
  Tell([&opened](Inbox& inbox) { inbox.opened = std::move(opened); });
}

void Group::Step() {
  if (state_ == State::kOver) return;
  if (settling_ != nullptr && state_ != State::kLeaving) settling_->Advance(context_.clock.Now());
  TakeInbox();
  if (state_ == State::kLive || state_ == State::kEnding) {
    member_.Poll(context_.clock.Now(), writing_);
    Read();
    Write();
    LookUp();
    SendLetters();
    member_.CommitUrgent(context_.clock.Now());
    EndIfAllIsSaid();
    CheckStall();
    CheckAckTimeout();
  }
  EndFurther();
  if (state_ != State::kOver) ScheduleTimer();
}

void Group::TakeInbox() {
  Inbox inbox;
  {
    MutexLock lock(mu_);
    inbox = std::exchange(inbox_, {});
  }
  if (inbox.written) {
    writing_ = false;
    if (state_ != State::kLeaving) member_.Written();
  }
  if (state_ != State::kLeaving) TakeLetters(inbox.letters);
  TakeAsks(std::move(inbox.asks));
  if (state_ != State::kLeaving) {
    for (auto& done : inbox.inspections) done(Describe());
  }
  if (inbox.opened.has_value()) TakeSource(*std::move(inbox.opened));
  if (inbox.looked_up.has_value()) {
    looking_up_ = false;
    member_.OnLookedUp(*inbox.looked_up, options_.source.initial_position, context_.clock.Now());
  }
  if (inbox.prepared.has_value()) JoinTopics(*inbox.prepared);
  if (inbox.left.has_value()) Left(*inbox.left);
  if (inbox.half_closed) TakeHalfClose();
  if ((inbox.gone || inbox.at_deadline) && !lingering_) EndGone(!inbox.at_deadline);
  if (inbox.drain.has_value()) TakeDrain(*inbox.drain);
}

void Group::TakeSource(absl::StatusOr<GroupSource> opened) {
  if (state_ != State::kOpening) return;
  if (!opened.ok()) return End(opened.status(), absl::ZeroDuration());
  state_ = State::kLive;
  topics_ = std::move(opened->topics);
  seen_ = context_.monitor.latest();  // Which may be older than `opened`.
  member_.Begin(std::move(opened->consumer), std::move(opened->known));
}

void Group::Read() {
  if (state_ != State::kLive || !told_.has_value() || !member_.reading()) return;
  FollowTopics();
  if (reader_.Read(kSlice)) task_->Wake();
  member_.Take();
  if (!writing_) member_.Written();  // What the filter held back needs no write.
}

void Group::LookUp() {
  auto partitions = member_.TakeLookUp(context_.clock.Now());
  if (!partitions.has_value()) return;
  looking_up_ = true;
  context_.blocking.Post([self = shared_from_this(), consumer = member_.consumer(),
                          partitions = *std::move(partitions)] {
    auto view = LookUpGroup(partitions, self->options_.source.initial_position, *consumer);
    self->Tell([&view](Inbox& inbox) { inbox.looked_up = std::move(view); });
  });
}

// Who names no topics reads those that appear, too.
void Group::FollowTopics() {
  if (!options_.source.topics.empty() || preparing_ || context_.clock.Now() < follow_at_) return;
  const auto latest = context_.monitor.latest();
  if (latest == seen_ || latest == nullptr) return;
  seen_ = latest;
  auto topics = FindTopics({}, context_.catalog, *latest);
  if (!topics.ok() || *topics == topics_) return;
  topics_ = *std::move(topics);
  if (!WantsLetters()) return JoinTopics(absl::OkStatus());
  preparing_ = true;
  context_.blocking.Post([self = shared_from_this(), topics = topics_] {
    const absl::Status prepared = self->PrepareLetters(topics);
    self->Tell([&prepared](Inbox& inbox) { inbox.prepared = prepared; });
  });
}

void Group::JoinTopics(const absl::Status& prepared) {
  preparing_ = false;
  if (state_ != State::kLive) return;
  if (absl::IsUnavailable(prepared)) {  // Again, with what the cluster has then.
    topics_.clear();
    seen_ = nullptr;
    follow_at_ = context_.clock.Now() + GroupMember::kRetry;
    return;
  }
  const absl::Status status = prepared.ok() ? member_.consumer()->Join(topics_) : prepared;
  if (!status.ok()) End(status, kLastWrite);
}

void Group::ScheduleTimer() {
  if (state_ == State::kOpening) return;
  if (state_ == State::kLeaving) return task_->WakeAt(leave_by_);
  absl::Time next = member_.next_poll();
  if (settling_ != nullptr) next = std::min(next, settling_->next_due());
  if (state_ == State::kEnding) {
    next = std::min(next, looking_up_ ? leave_by_ + kLeaveTimeout : leave_by_);
  }
  if (!writing_ && !lingering_) {
    next = std::min(next, last_heartbeat_ + options_.heartbeat_interval);
  }
  task_->WakeAt(next);
}

}  // namespace eventbus::bus
