#include "server/bus/tail.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/bus/tail_hub.h"
#include "server/bus/tail_messages.h"

namespace eventbus::bus {
namespace {

// Records read in one run, so that a busy tail does not keep others from their thread.
constexpr int kSlice = 1000;
// Before a lost position is asked about again that Kafka did not tell of.
constexpr absl::Duration kLookUpRetry = absl::Seconds(1);

absl::Status Expired(const Lost& lost) {
  return MakeError(v1::ERROR_REASON_RESUME_POSITION_EXPIRED,
                   absl::StrCat("offset ", lost.first_offset, " of ", lost.partition.topic,
                                " partition ", lost.partition.partition,
                                lost.past_end() ? " is past the end " : " is gone, the oldest is ",
                                lost.next_offset));
}

}  // namespace

std::shared_ptr<Tail> Tail::Make(const Context& context, TailOptions options,
                                 std::shared_ptr<StreamSink> sink) {
  std::shared_ptr<Tail> tail(new Tail(context, std::move(options), std::move(sink)));
  return tail;
}

Tail::Tail(const Context& context, TailOptions options, std::shared_ptr<StreamSink> sink)
    : context_(context),
      options_(std::move(options)),
      sink_(std::move(sink)),
      task_(std::make_shared<SerialTask>(context.executor)),
      reader_(context_, options_.reader, options_.source.client_id,
              [task = task_] { task->Wake(); }),
      last_heartbeat_(context.clock.Now()) {}

Tail::~Tail() { task_->Stop(); }

void Tail::OnWritten() {
  {
    MutexLock lock(mu_);
    inbox_.written = true;
  }
  task_->Wake();
}

void Tail::OnGone() {
  {
    MutexLock lock(mu_);
    inbox_.gone = true;
  }
  task_->Wake();
}

void Tail::OnHalfClose() {
  {
    MutexLock lock(mu_);
    inbox_.half_closed = true;
  }
  task_->Wake();
}

void Tail::Drain(absl::Duration remaining) {
  {
    MutexLock lock(mu_);
    inbox_.drain = remaining;
  }
  task_->Wake();
}

void Tail::Start() {
  task_->SetBody([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Step();
  });
  context_.blocking.Post([self = shared_from_this()] { self->FindSource(); });
}

// On the blocking pool.
void Tail::FindSource() {
  const Stamp stamp = context_.tails->NextStamp();
  auto source =
      FindTailSource(options_.source, context_.catalog, context_.admin, context_.tails->look_ups());
  {
    MutexLock lock(mu_);
    inbox_.source = std::move(source);
    inbox_.stamp = stamp;
  }
  Wake();
}

void Tail::Step() {
  if (over_) return;
  TakeInbox();
  if (over_) return;
  if (begun_) {
    AddNewPartitions();
    Read();
    Write();
  }
  CheckStall();
  if (!over_) ScheduleTimer();
}

void Tail::TakeInbox() {
  Inbox inbox;
  {
    MutexLock lock(mu_);
    inbox = std::exchange(inbox_, {});
  }
  if (inbox.gone) return Release();
  if (inbox.written) writing_ = false;
  if (inbox.source.has_value()) TakeSource(*std::move(inbox.source), inbox.stamp);
  if (inbox.marks.has_value() && !over_) TakeMarks(*inbox.marks);
  if (inbox.half_closed && !over_) EndNow(absl::OkStatus(), {});
  if (inbox.drain.has_value() && !over_) {
    EndNow(MakeRetryError(v1::ERROR_REASON_SERVER_DRAINING, "the server is shutting down"),
           {DrainingMessage(*inbox.drain)});
  }
}

void Tail::TakeSource(absl::StatusOr<TailSource> source, Stamp stamp) {
  if (!source.ok()) return EndNow(source.status(), {});
  begun_ = true;
  cluster_id_ = std::move(source->cluster_id);
  gaps_ = std::move(source->lost);
  if (gaps_.empty()) return reader_.Begin(source->cursors, stamp);
  reader_.SetCursors(std::move(source->cursors));
  EndAfterUnsent(Expired(gaps_[0]));
}

// The position was refused; the watermarks say where it went. Where they have it after all, reading
// goes on.
void Tail::TakeMarks(const absl::StatusOr<kafka::Watermarks>& marks) {
  looking_up_ = false;
  if (absl::IsUnavailable(marks.status())) {  // An outage is outlived.
    look_up_at_ = context_.clock.Now() + kLookUpRetry;
    return;
  }
  if (!marks.ok()) return EndAfterUnsent(marks.status());
  const kafka::TopicPartition partition = *reader_.lost();
  const int index = reader_.cursors().Find(partition.topic, partition.partition);
  const std::int64_t next = reader_.cursors()[index].read;
  if (auto lost = FindLost(partition, next, *marks)) {
    gaps_.push_back(*lost);
    return EndAfterUnsent(Expired(*lost));
  }
  if (absl::Status status = reader_.GoOn(); !status.ok()) EndAfterUnsent(status);
}

// A partition that appears after the start is read from its beginning: nothing in it is older than
// this stream.
void Tail::AddNewPartitions() {
  const auto latest = context_.monitor.latest();
  if (latest == seen_ || latest == nullptr || end_.has_value() || looking_up_) return;
  seen_ = latest;
  const auto topics = FindTopics(options_.source.topics, context_.catalog, *latest);
  if (!topics.ok()) return;  // A topic that is gone: the consumer reports it.
  for (const kafka::TopicPartition& partition : PartitionsOf(*topics, *latest)) {
    if (reader_.cursors().Find(partition.topic, partition.partition) >= 0) continue;
    reader_.Add(partition);
  }
}

void Tail::Read() {
  if (end_.has_value()) return;
  if (reader_.Read(kSlice, writing_)) task_->Wake();
  if (AwaitsLookUp() && context_.clock.Now() >= look_up_at_) LookUpLost();
  if (const auto error = reader_.error()) {
    EndAfterUnsent(*error);
  } else if (reader_.reached_end()) {
    EndAfterUnsent(absl::OkStatus());
  }
}

bool Tail::AwaitsLookUp() const { return reader_.lost().has_value() && !looking_up_; }

void Tail::LookUpLost() {
  looking_up_ = true;
  context_.blocking.Post([self = shared_from_this(), partition = *reader_.lost()] {
    auto marks = self->context_.tails->look_ups().QueryWatermarks({partition}, kLookUpTimeout);
    {
      MutexLock lock(self->mu_);
      if (marks.ok()) {
        self->inbox_.marks = (*marks)[0];
      } else {
        self->inbox_.marks = marks.status();
      }
    }
    self->Wake();
  });
}

void Tail::Write() {
  while (!over_ && !writing_) {
    Message message = NextMessage();
    if (message.empty()) break;
    writing_ = sink_->Write(std::move(message));
    write_began_ = context_.clock.Now();
    if (!writing_) return;  // The stream is over; OnGone follows.
  }
  if (!over_ && !writing_ && end_.has_value()) EndNow(*end_, {});
}

// Empty: nothing to say.
Message Tail::NextMessage() {
  if (!std::exchange(started_sent_, true)) {
    return StartedMessage(options_.stream_id, cluster_id_, reader_.cursors());
  }
  if (HeartbeatDue()) return TakeHeartbeat();
  if (reader_.has_batch()) {
    flowing_ = true;
    return reader_.TakeBatch();
  }
  if (!gaps_.empty()) {
    const Lost lost = gaps_.front();
    gaps_.erase(gaps_.begin());
    return GapMessage(lost);
  }
  const bool failed = end_.has_value() && !end_->ok();
  if (!failed && !caught_up_sent_ && reader_.cursors().CaughtUp()) {
    caught_up_sent_ = true;
    return CaughtUpMessage(cluster_id_, reader_.cursors());
  }
  return {};
}

bool Tail::HeartbeatDue() const {
  const absl::Duration since = context_.clock.Now() - last_heartbeat_;
  return since >= options_.heartbeat_interval || (flowing_ && since >= kFlowHeartbeat);
}

Message Tail::TakeHeartbeat() {
  last_heartbeat_ = context_.clock.Now();
  flowing_ = false;
  reader_.RefreshEnds();
  return HeartbeatMessage(cluster_id_, reader_.cursors());
}

void Tail::EndAfterUnsent(const absl::Status& status) {
  if (!end_.has_value()) end_ = status;
}

// The last heartbeat tells the client where it is; before Started there is nothing to tell.
void Tail::EndNow(const absl::Status& status, std::vector<Message> last) {
  if (started_sent_) last.push_back(TakeHeartbeat());
  sink_->Close(status, std::move(last));
  Release();
}

void Tail::CheckStall() {
  if (over_ || !writing_) return;
  const absl::Duration writing = context_.clock.Now() - write_began_;
  if (writing >= kGiveWay && reader_.has_place()) reader_.GiveWay();
  if (writing < kStallTimeout) return;
  EndNow(MakeRetryError(v1::ERROR_REASON_SUBSCRIBER_TOO_SLOW,
                        absl::StrCat("nothing was read for ", absl::FormatDuration(kStallTimeout))),
         {});
}

void Tail::Release() {
  over_ = true;
  reader_.Release();
  task_->Stop();
}

void Tail::ScheduleTimer() {
  absl::Time next = last_heartbeat_ + options_.heartbeat_interval;
  if (flowing_) next = std::min(next, last_heartbeat_ + kFlowHeartbeat);
  if (AwaitsLookUp()) next = std::min(next, look_up_at_);
  if (writing_) next = write_began_ + (reader_.has_place() ? kGiveWay : kStallTimeout);
  task_->WakeAt(next);
}

}  // namespace eventbus::bus
