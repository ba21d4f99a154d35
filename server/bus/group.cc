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
// Groups have no resume token.
const std::string kNoToken;

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

void Group::Drain(absl::Duration remaining) {
  Tell([remaining](Inbox& inbox) { inbox.drain = remaining; });
}

void Group::Settle(Settlement<AckToken> asked, Done done) {
  Ask ask{std::move(asked), std::move(done)};
  if (TakeAsk(ask)) return task_.Wake();
  Refuse(ask);
}

void Group::Refuse(Ask& ask) {
  ask.done(std::vector<v1::ErrorReason>(ask.asked.size(), v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED));
}

// False: there is no task any more that would answer it.
bool Group::TakeAsk(Ask& ask) {
  MutexLock lock(mu_);
  if (settles_) inbox_.asks.push_back(std::move(ask));
  return settles_;
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
  auto opened = OpenGroupSource(options_.source, context_.catalog, context_.admin,
                                context_.consumers, [weak] {
                                  if (const auto group = weak.lock()) group->Wake();
                                });
  Tell([&opened](Inbox& inbox) { inbox.opened = std::move(opened); });
}

void Group::Step() {
  if (state_ == State::kOver) return;
  TakeInbox();
  if (state_ == State::kLive || state_ == State::kEnding) {
    member_.Poll(context_.clock.Now(), writing_);
    LookUp();
    Read();
    Write();
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
  TakeAsks(std::move(inbox.asks));
  if (inbox.opened.has_value()) TakeSource(*std::move(inbox.opened));
  if (inbox.looked_up.has_value()) {
    looking_up_ = false;
    member_.OnLookedUp(*inbox.looked_up, options_.source.initial_position, context_.clock.Now());
  }
  left_ = left_ || inbox.left;
  if (inbox.gone && !lingering_) EndGone();
  if (inbox.drain.has_value()) TakeDrain(*inbox.drain);
}

void Group::TakeDrain(absl::Duration remaining) {
  const absl::Duration patience =
      settling_ == nullptr ? kLastWrite : std::min(kDrainSettling, remaining * 3 / 4);
  if (state_ == State::kLive) first_.push_back(DrainingMessage(remaining));
  if (lingering_) leave_by_ = std::min(leave_by_, context_.clock.Now() + patience);
  End(MakeRetryError(v1::ERROR_REASON_SERVER_DRAINING, "the server is shutting down"), patience);
}

void Group::TakeAsks(std::vector<Ask> asks) {
  for (Ask& ask : asks) {
    std::vector<v1::ErrorReason> reasons;
    reasons.reserve(ask.asked.size());
    for (const AckToken& token : ask.asked.acks) reasons.push_back(settling_->Acknowledge(token));
    ask.done(std::move(reasons));
  }
}

// What comes from now on, and what has come and was not taken: the events come again.
void Group::RefuseAsks() {
  std::vector<Ask> asks;
  {
    MutexLock lock(mu_);
    settles_ = false;
    asks = std::exchange(inbox_.asks, {});
  }
  for (Ask& ask : asks) Refuse(ask);
}

void Group::TakeSource(absl::StatusOr<GroupSource> opened) {
  if (state_ != State::kOpening) return;
  if (!opened.ok()) return End(opened.status(), absl::ZeroDuration());
  state_ = State::kLive;
  topics_ = std::move(opened->topics);
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
  if (!options_.source.topics.empty()) return;
  const auto latest = context_.monitor.latest();
  if (latest == seen_ || latest == nullptr) return;
  seen_ = latest;
  auto topics = FindTopics({}, context_.catalog, *latest);
  if (!topics.ok() || *topics == topics_) return;
  topics_ = *std::move(topics);
  if (absl::Status status = member_.consumer()->Join(topics_); !status.ok()) {
    End(status, kLastWrite);
  }
}

void Group::Write() {
  while (!writing_) {
    Message message = NextMessage();
    if (message.empty()) return;
    writing_ = sink_->Write(std::move(message));
    write_began_ = context_.clock.Now();
    if (!writing_) return EndGone();
  }
}

// Empty: nothing to say.
Message Group::NextMessage() {
  if (!first_.empty()) {
    Message message = std::move(first_.front());
    first_.pop_front();
    return message;
  }
  if (state_ != State::kLive) return {};
  if (member_.TakeLoss() && told_.has_value() && !told_->empty()) {
    told_->clear();
    return AssignmentMessage(Cursors());
  }
  if (HeartbeatDue()) return TakeHeartbeat();
  if (!member_.reading() || (!told_.has_value() && !member_.fixed())) return {};
  if (!told_.has_value() || !member_.Has(*told_)) {
    const bool first = !told_.has_value();
    told_ = member_.partitions();
    task_.Wake();  // Reading begins, or goes on.
    return first ? StartedMessage(options_.stream_id, kNoToken, reader_.cursors())
                 : AssignmentMessage(reader_.cursors());
  }
  for (const Lost& lost : member_.TakeGaps()) gaps_.push_back(GapMessage(lost));
  if (!gaps_.empty()) {
    Message message = std::move(gaps_.front());
    gaps_.pop_front();
    return message;
  }
  if (reader_.has_batch()) {
    Message batch = reader_.TakeBatch(context_.clock.Now());
    member_.Take();
    task_.Wake();  // The next one collects while this one is written.
    return batch;
  }
  if (!caught_up_sent_ && !member_.error().has_value() && reader_.cursors().CaughtUp()) {
    caught_up_sent_ = true;
    return CaughtUpMessage(kNoToken, reader_.cursors());
  }
  return {};
}

bool Group::HeartbeatDue() const {
  return context_.clock.Now() - last_heartbeat_ >= options_.heartbeat_interval;
}

Message Group::TakeHeartbeat() {
  last_heartbeat_ = context_.clock.Now();
  reader_.RefreshEnds();
  absl::optional<absl::Duration> unsettled;
  if (settling_ != nullptr && settling_->oldest().has_value()) {
    unsettled = last_heartbeat_ - *settling_->oldest();
  }
  return HeartbeatMessage(kNoToken, reader_.cursors(), unsettled);
}

// After Write: where nothing is being written, nothing was left to say.
void Group::EndIfAllIsSaid() {
  if (state_ != State::kLive || writing_) return;
  if (member_.error().has_value()) return End(*member_.error(), kLastWrite);
  if (reader_.error().has_value()) return End(*reader_.error(), kLastWrite);
  if (!told_.has_value() || !member_.reading() || !reader_.reached_end()) return;
  if (AllSettled()) return End(absl::OkStatus(), kLastWrite);
  Linger();
}

// The client has all that it asked for, and is yet to settle it: by calls of Acknowledge.
void Group::Linger() {
  End(absl::OkStatus(), kLinger);
  lingering_ = true;
  groups_.Keep(shared_from_this());
  sink_->Close(end_, {});
}

void Group::End(const absl::Status& status, absl::Duration last_write) {
  if (state_ == State::kOpening) {
    end_ = status;
    return Close();
  }
  if (state_ != State::kLive) return;
  state_ = State::kEnding;
  end_ = status;
  leave_by_ = context_.clock.Now() + last_write;
}

// What was handed to the write under way counts as not written.
void Group::EndGone() {
  gone_ = true;
  End(absl::CancelledError("the client is gone"), absl::ZeroDuration());
}

void Group::EndFurther() {
  const absl::Time now = context_.clock.Now();
  if (state_ == State::kEnding) {
    const bool done = !writing_ && first_.empty() && AllSettled();
    const bool said = gone_ || done || now >= leave_by_;
    // A look-up uses the consumer. Where it hangs, the consumer goes when it ends.
    if (said && !looking_up_) return Leave();
    if (now >= leave_by_ + kLeaveTimeout) Close();
  } else if (state_ == State::kLeaving) {
    if (left_ || now >= leave_by_) Close();
  }
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
    self->Tell([](Inbox& inbox) { inbox.left = true; });
  });
}

void Group::Close() {
  state_ = State::kOver;
  RefuseAsks();
  if (!gone_) sink_->Close(end_, {first_.begin(), first_.end()});
  groups_.Leave(options_.source.group_id);
  if (ack_stream_ != 0) context_.acks->Leave(ack_stream_);
  if (lingering_) groups_.Drop(this);
  task_.Stop();
}

void Group::CheckStall() {
  if (state_ != State::kLive || !writing_) return;
  if (context_.clock.Now() - write_began_ < kStallTimeout) return;
  End(MakeRetryError(v1::ERROR_REASON_SUBSCRIBER_TOO_SLOW,
                     absl::StrCat("nothing was read for ", absl::FormatDuration(kStallTimeout))),
      absl::ZeroDuration());
}

void Group::CheckAckTimeout() {
  if (state_ != State::kLive || settling_ == nullptr) return;
  const auto oldest = settling_->oldest();
  if (!oldest.has_value() || context_.clock.Now() - *oldest < options_.ack_timeout) return;
  End(MakeError(v1::ERROR_REASON_ACK_TIMEOUT,
                absl::StrCat("an event has not been acknowledged for ",
                             absl::FormatDuration(options_.ack_timeout))),
      absl::ZeroDuration());
}

void Group::ScheduleTimer() {
  if (state_ == State::kOpening) return;
  if (state_ == State::kLeaving) return task_.WakeAt(leave_by_);
  absl::Time next = member_.next_poll();
  if (state_ == State::kEnding) {
    next = std::min(next, looking_up_ ? leave_by_ + kLeaveTimeout : leave_by_);
  }
  if (!writing_) next = std::min(next, last_heartbeat_ + options_.heartbeat_interval);
  task_.WakeAt(next);
}

}  // namespace eventbus::bus
