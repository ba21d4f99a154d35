#include "server/bus/tail.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/bus/tail_messages.h"

namespace eventbus::bus {
namespace {

// Records read in one run, so that a busy tail does not keep others from their thread.
constexpr int kSlice = 1000;

absl::Status RetryLater(ErrorReason reason, absl::string_view message) {
  ErrorDetails details;
  details.reason = reason;
  details.retry_delay = absl::Seconds(1);
  return MakeError(details, message);
}

absl::Status Expired(const Lost& lost) {
  const bool past_end = lost.cause == Lost::Cause::kPastEnd;
  return MakeError(
      v1::ERROR_REASON_RESUME_POSITION_EXPIRED,
      absl::StrCat("offset ", lost.first_offset, " of ", lost.partition.topic, " partition ",
                   lost.partition.partition,
                   past_end ? " is past the end " : " is gone, the oldest is ", lost.next_offset));
}

wire::ReceivedRecord ToReceived(const kafka::RecordView& record) {
  wire::ReceivedRecord received{record.topic,
                                record.partition,
                                record.offset,
                                record.timestamp_ms,
                                record.key,
                                record.value,
                                {}};
  received.headers.reserve(record.headers.size());
  for (const kafka::HeaderView& header : record.headers) {
    received.headers.push_back({header.key, header.value.value_or("")});
  }
  return received;
}

}  // namespace

std::shared_ptr<Tail> Tail::Make(const TailContext& context, TailOptions options,
                                 std::shared_ptr<StreamSink> sink) {
  std::shared_ptr<Tail> tail(new Tail(context, std::move(options), std::move(sink)));
  return tail;
}

Tail::Tail(const TailContext& context, TailOptions options, std::shared_ptr<StreamSink> sink)
    : context_(context),
      options_(std::move(options)),
      sink_(std::move(sink)),
      task_(context.executor),
      batch_(options_.batch),
      last_heartbeat_(context.clock.Now()) {}

void Tail::OnWritten() {
  {
    MutexLock lock(mu_);
    inbox_.written = true;
  }
  task_.Wake();
}

void Tail::OnGone() {
  {
    MutexLock lock(mu_);
    inbox_.gone = true;
  }
  task_.Wake();
}

void Tail::Drain(absl::Duration remaining) {
  {
    MutexLock lock(mu_);
    inbox_.drain = remaining;
  }
  task_.Wake();
}

void Tail::Start() {
  task_.SetBody([self = shared_from_this()] { self->Step(); });
  context_.blocking.Post([self = shared_from_this()] {
    const std::weak_ptr<Tail> weak = self;
    auto opened = OpenTailSource(self->options_.source, self->context_.catalog,
                                 self->context_.admin, self->context_.consumers, [weak] {
                                   if (const auto tail = weak.lock()) tail->Wake();
                                 });
    {
      MutexLock lock(self->mu_);
      if (self->closed_) return;  // The consumer goes here, where it may block.
      self->inbox_.opened = std::move(opened);
    }
    self->Wake();
  });
}

void Tail::Step() {
  if (over_) return;
  TakeInbox();
  if (over_) return;
  if (consumer_ != nullptr) {
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
  if (inbox.opened.has_value()) TakeSource(*std::move(inbox.opened));
  if (inbox.marks.has_value() && !over_) TakeMarks(*inbox.marks);
  if (inbox.drain.has_value() && !over_) {
    EndNow(RetryLater(v1::ERROR_REASON_SERVER_DRAINING, "the server is shutting down"),
           {DrainingMessage(*inbox.drain)});
  }
}

void Tail::TakeSource(absl::StatusOr<TailSource> opened) {
  if (!opened.ok()) return EndNow(opened.status(), {});
  consumer_ = std::move(opened->consumer);
  cluster_id_ = std::move(opened->cluster_id);
  cursors_ = std::move(opened->cursors);
  gaps_ = std::move(opened->lost);
  if (!gaps_.empty()) EndAfterUnsent(Expired(gaps_[0]));
}

// The position is gone; the watermarks say where it went. Where they have it after all, the whole
// list is assigned again: librdkafka stops a partition whose position was refused.
void Tail::TakeMarks(const absl::StatusOr<kafka::Watermarks>& marks) {
  const kafka::TopicPartition partition = *std::exchange(lost_, absl::nullopt);
  if (!marks.ok()) return EndAfterUnsent(marks.status());
  const int index = cursors_.Find(partition.topic, partition.partition);
  const auto& cursor = cursors_.all()[static_cast<std::size_t>(index)];
  if (auto lost = FindLost(partition, cursor.read, *marks)) {
    gaps_.push_back(*lost);
    return EndAfterUnsent(Expired(*lost));
  }
  const absl::Status status = consumer_->Assign(cursors_.ReadPositions());
  if (!status.ok()) EndAfterUnsent(status);
}

// A partition that appears after the start is read from its beginning: nothing in it is older than
// this stream.
void Tail::AddNewPartitions() {
  const auto latest = context_.monitor.latest();
  if (latest == seen_ || latest == nullptr || end_.has_value()) return;
  seen_ = latest;
  const auto topics = FindTopics(options_.source.topics, context_.catalog, *latest);
  if (!topics.ok()) return;  // A topic that is gone: the consumer reports it.
  bool added = false;
  for (const kafka::TopicPartition& partition : PartitionsOf(*topics, *latest)) {
    if (cursors_.Find(partition.topic, partition.partition) >= 0) continue;
    cursors_.Add(partition, 0, 0);
    added = true;
  }
  if (!added) return;
  const absl::Status status = consumer_->Assign(cursors_.ReadPositions());
  if (!status.ok()) EndAfterUnsent(status);
}

void Tail::Read() {
  for (int n = 0; WantsMore(); ++n) {
    if (n == kSlice) return task_.Wake();
    if (consumer_->Poll(1, *this) == 0) break;
  }
  if (batch_.empty()) cursors_.DeliverAll();
  if (!end_.has_value() && ReachedEnd()) EndAfterUnsent(absl::OkStatus());
}

bool Tail::WantsMore() const {
  return !batch_.full() && !end_.has_value() && !lost_.has_value() && !ReachedEnd();
}

bool Tail::ReachedEnd() const {
  if (options_.max_events > 0 && events_ >= options_.max_events) return true;
  return options_.stop_at_end && cursors_.AllRead();
}

void Tail::OnRecord(const kafka::RecordView& record) {
  const int index = cursors_.Find(record.topic, record.partition);
  if (index < 0) return;
  const Cursors::Cursor& cursor = cursors_.all()[static_cast<std::size_t>(index)];
  if (record.offset < cursor.read) return;  // Fetched before an Assign; had already.
  if (options_.stop_at_end && record.offset >= cursor.end_at_start) {
    return cursors_.SetRead(index, std::max(cursor.read, cursor.end_at_start));
  }
  cursors_.SetRead(index, record.offset + 1);
  Deliver(record);
}

void Tail::Deliver(const kafka::RecordView& record) {
  const auto* family = context_.plan.FindByTopic(record.topic);
  const auto body = wire::Decode(context_.plan, *family, record.value);
  const auto* decoded = std::get_if<wire::Decoded>(&body);
  if (decoded != nullptr && !options_.filter.Passes(decoded->event_type)) return;
  ++events_;
  if (!batch_.Add(ToReceived(record), body, options_.include_json)) {
    set_aside_ = kafka::StartOffset{{std::string(record.topic), record.partition}, record.offset};
  }
}

void Tail::OnPartitionEnd(const kafka::TopicPartition& partition, std::int64_t next_offset) {
  const int index = cursors_.Find(partition.topic, partition.partition);
  if (index < 0) return;
  const Cursors::Cursor& cursor = cursors_.all()[static_cast<std::size_t>(index)];
  cursors_.SetEnd(index, next_offset);
  const std::int64_t read =
      options_.stop_at_end ? std::min(next_offset, cursor.end_at_start) : next_offset;
  if (read > cursor.read) cursors_.SetRead(index, read);
}

void Tail::OnPositionLost(const kafka::TopicPartition& partition) {
  if (lost_.has_value() || cursors_.Find(partition.topic, partition.partition) < 0) return;
  lost_ = partition;
  context_.blocking.Post([self = shared_from_this(), consumer = consumer_, partition] {
    auto marks = consumer->QueryWatermarks({partition}, kLookUpTimeout);
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

void Tail::OnError(const absl::Status& error) { EndAfterUnsent(error); }

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
    return StartedMessage(options_.stream_id, cluster_id_, cursors_);
  }
  if (HeartbeatDue()) return TakeHeartbeat();
  if (!batch_.empty()) return TakeBatch();
  if (!gaps_.empty()) {
    const Lost lost = gaps_.front();
    gaps_.erase(gaps_.begin());
    return GapMessage(lost);
  }
  const bool failed = end_.has_value() && !end_->ok();
  if (!failed && !caught_up_sent_ && cursors_.CaughtUp()) {
    caught_up_sent_ = true;
    return CaughtUpMessage(cluster_id_, cursors_);
  }
  return {};
}

Message Tail::TakeBatch() {
  Message message = batch_.Take();
  flowing_ = true;
  cursors_.DeliverAll();
  if (const auto next = std::exchange(set_aside_, absl::nullopt)) {
    cursors_.SetDelivered(cursors_.Find(next->partition.topic, next->partition.partition),
                          next->offset);
  }
  return message;
}

bool Tail::HeartbeatDue() const {
  const absl::Duration since = context_.clock.Now() - last_heartbeat_;
  return since >= options_.heartbeat_interval || (flowing_ && since >= kFlowHeartbeat);
}

Message Tail::TakeHeartbeat() {
  last_heartbeat_ = context_.clock.Now();
  flowing_ = false;
  for (std::size_t i = 0; i < cursors_.all().size(); ++i) {
    const std::int64_t end = consumer_->CachedEnd(cursors_.all()[i].partition);
    if (end >= 0) cursors_.SetEnd(static_cast<int>(i), end);
  }
  return HeartbeatMessage(cluster_id_, cursors_);
}

void Tail::EndAfterUnsent(const absl::Status& status) {
  if (!end_.has_value()) end_ = status;
}

// The last heartbeat tells the client where it is; before Started there is nothing to tell.
void Tail::EndNow(const absl::Status& status, std::vector<Message> last) {
  if (started_sent_ && consumer_ != nullptr) last.push_back(TakeHeartbeat());
  sink_->Close(status, std::move(last));
  Release();
}

void Tail::CheckStall() {
  if (over_ || !writing_ || context_.clock.Now() - write_began_ < kStallTimeout) return;
  EndNow(RetryLater(v1::ERROR_REASON_SUBSCRIBER_TOO_SLOW,
                    absl::StrCat("nothing was read for ", absl::FormatDuration(kStallTimeout))),
         {});
}

// To close a consumer may take a while: not on this thread.
void Tail::Release() {
  over_ = true;
  absl::optional<absl::StatusOr<TailSource>> unopened;
  {
    MutexLock lock(mu_);
    closed_ = true;
    unopened = std::exchange(inbox_.opened, absl::nullopt);
  }
  context_.blocking.Post(
      [consumer = std::move(consumer_), unopened = std::move(unopened)]() mutable {
        consumer.reset();
        unopened.reset();
      });
  consumer_ = nullptr;
  task_.Stop();
}

void Tail::ScheduleTimer() {
  absl::Time next = last_heartbeat_ + options_.heartbeat_interval;
  if (flowing_) next = std::min(next, last_heartbeat_ + kFlowHeartbeat);
  if (writing_) next = write_began_ + kStallTimeout;
  task_.WakeAt(next);
}

}  // namespace eventbus::bus
