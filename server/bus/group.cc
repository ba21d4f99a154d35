#include "server/bus/group.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/bus/tail_messages.h"
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
      task_(context.executor),
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
  task_.Wake();
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
  task_.SetBody([self = shared_from_this()] { self->Step(); });
  const auto status = groups_.Enter(options_.source.group_id, options_.reader.filter.Describe());
  if (!status.ok()) {
    state_ = State::kOver;
    task_.Stop();
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
  const std::weak_ptr<Group> weak = weak_from_this();
  auto opened = OpenGroupSource(
      options_.source, context_.catalog, context_.admin, context_.consumers,
      [this](const std::vector<std::string>& topics) { return PrepareLetters(topics); },
      [weak] {
        if (const auto group = weak.lock()) group->Wake();
      });
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

// Who sends no more settles no more, so that nothing has to be waited for.
void Group::TakeHalfClose() {
  End(absl::OkStatus(), kLastWrite);
  awaits_settling_ = awaits_settling_ && lingering_;
}

void Group::TakeDrain(absl::Duration remaining) {
  const absl::Duration patience =
      settling_ == nullptr
          ? kLastWrite
          : std::min(kDrainSettling, std::max(remaining - kDrainLeaving, remaining / 2));
  if (state_ == State::kLive) first_.push_back(DrainingMessage(remaining));
  if (state_ == State::kEnding && awaits_settling_) {
    leave_by_ = std::min(leave_by_, context_.clock.Now() + patience);
  }
  if (state_ == State::kLive) awaits_settling_ = true;
  End(MakeRetryError(v1::ERROR_REASON_SERVER_DRAINING, "the server is shutting down"), patience);
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
  if (reader_.Read(kSlice)) task_.Wake();
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

// After Write: where nothing is being written, nothing was left to say.
void Group::EndIfAllIsSaid() {
  if (state_ != State::kLive || writing_) return;
  if (member_.error().has_value()) return End(*member_.error(), kLastWrite);
  if (reader_.error().has_value()) return End(*reader_.error(), kLastWrite);
  if (!told_.has_value() || !member_.reading() || !reader_.reached_end()) return;
  if (!reader_.has_batch()) EndBounded();
}

// The client has all that it asked for, and may be yet to settle it.
void Group::EndBounded() {
  if (AllSettled() && !WritingLetters()) return End(absl::OkStatus(), kLastWrite);
  awaits_settling_ = true;
  End(absl::OkStatus(), kLinger);
  if (!options_.settles_on_stream) Linger();
}

// By calls of Acknowledge.
void Group::Linger() {
  lingering_ = groups_.Keep(shared_from_this());
  if (lingering_) sink_->Close(end_, {});
}

void Group::End(const absl::Status& status, absl::Duration last_write) {
  if (state_ == State::kOpening) {
    end_ = status;
    return Close();
  }
  if (state_ != State::kLive) return;
  state_ = State::kEnding;
  if (settling_ != nullptr) reader_.DropBatch();
  end_ = status;
  leave_by_ = context_.clock.Now() + last_write;
}

// What was handed to the write under way counts as not written. What is given up is given up.
void Group::EndGone(bool died) {
  gone_ = true;
  const bool at_work = state_ == State::kLive || (awaits_settling_ && end_.ok());
  if (died && settling_ != nullptr && at_work && state_ != State::kLeaving) {
    reader_.DropBatch();
    settling_->EndGone();
  }
  awaits_settling_ = false;
  End(absl::CancelledError("the client is gone"), LetterPatience());
}

void Group::EndFurther() {
  const absl::Time now = context_.clock.Now();
  if (state_ == State::kEnding) {
    const bool settled = !WritingLetters() && (!awaits_settling_ || AllSettled());
    const bool said = (gone_ || (!writing_ && first_.empty())) && settled;
    // A look-up uses the consumer. Where it hangs, the consumer goes when it ends.
    if ((said || now >= leave_by_) && !looking_up_) return Leave();
    if (now >= leave_by_ + kLeaveTimeout) Left(absl::DeadlineExceededError("not sent"));
  } else if (state_ == State::kLeaving && now >= leave_by_) {
    Left(absl::DeadlineExceededError("not answered"));
  }
}

void Group::Left(const absl::Status& committed) {
  if (state_ == State::kOver) return;
  left_ = committed;
  Close();
}

// From now on the member is touched by no run of the task: answers to earlier commits reach it on
// the thread that leaves.
void Group::Leave() {
  state_ = State::kLeaving;
  RefuseAsks();
  leave_by_ = context_.clock.Now() + kLeaveTimeout;
  member_.Leave([self = shared_from_this()](const absl::Status& status) {
    if (!status.ok()) {
      Log(LogLevel::kWarning, "last commit failed",
          {{"stream", self->options_.stream_id}, {"reason", std::string(status.message())}});
    }
    self->Tell([&status](Inbox& inbox) { inbox.left = status; });
  });
}

void Group::Close() {
  state_ = State::kOver;
  RefuseAsks();
  if (!gone_) sink_->Close(Outcome(), {first_.begin(), first_.end()});
  groups_.Leave(options_.source.group_id);
  if (context_.inspector != nullptr) context_.inspector->Leave(options_.source.group_id, this);
  if (ack_stream_ != 0) context_.acks->Leave(ack_stream_);
  if (lingering_) groups_.Drop(this);
  task_.Stop();
}

// OK says that all that was accepted is committed.
absl::Status Group::Outcome() const {
  if (!end_.ok() || left_.ok()) return end_;
  return MakeRetryError(
      v1::ERROR_REASON_KAFKA_UNAVAILABLE,
      absl::StrCat("the last commit failed, what it had comes again: ", left_.message()));
}

void Group::CheckStall() {
  if (state_ != State::kLive || !writing_) return;
  if (context_.clock.Now() - write_began_ < kStallTimeout) return;
  End(MakeRetryError(v1::ERROR_REASON_SUBSCRIBER_TOO_SLOW,
                     absl::StrCat("nothing was read for ", absl::FormatDuration(kStallTimeout))),
      LetterPatience());
}

void Group::CheckAckTimeout() {
  if (state_ != State::kLive || settling_ == nullptr) return;
  const auto oldest = settling_->oldest();
  if (!oldest.has_value() || context_.clock.Now() - *oldest < options_.ack_timeout) return;
  settling_->EndTimedOut();
  End(MakeError(v1::ERROR_REASON_ACK_TIMEOUT,
                absl::StrCat("an event has not been acknowledged for ",
                             absl::FormatDuration(options_.ack_timeout))),
      LetterPatience());
}

void Group::ScheduleTimer() {
  if (state_ == State::kOpening) return;
  if (state_ == State::kLeaving) return task_.WakeAt(leave_by_);
  absl::Time next = member_.next_poll();
  if (settling_ != nullptr) next = std::min(next, settling_->next_due());
  if (state_ == State::kEnding) {
    next = std::min(next, looking_up_ ? leave_by_ + kLeaveTimeout : leave_by_);
  }
  if (!writing_ && !lingering_) {
    next = std::min(next, last_heartbeat_ + options_.heartbeat_interval);
  }
  task_.WakeAt(next);
}

}  // namespace eventbus::bus
