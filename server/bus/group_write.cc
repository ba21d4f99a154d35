// What a group's stream says next.
#include <algorithm>
#include <utility>

#include "server/bus/group.h"
#include "server/bus/tail_messages.h"

namespace eventbus::bus {
namespace {

// Groups have no resume token.
const std::string kNoToken;

}  // namespace

void Group::Write() {
  while (!writing_) {
    Message message = NextMessage();
    if (message.empty()) return;
    // Where it is refused the call is over: OnGone or OnDeadline follows, which know how it ended.
    sink_->Write(std::move(message));
    writing_ = true;
    write_began_ = context_.clock.Now();
  }
}

// Empty: nothing to say.
Message Group::NextMessage() {
  if (!first_.empty()) {
    Message message = std::move(first_.front());
    first_.pop_front();
    return message;
  }
  if (state_ == State::kEnding && !lingering_ && HeartbeatDue()) return TakeHeartbeat();
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
    task_->Wake();  // Reading begins, or goes on.
    return first ? StartedMessage(options_.stream_id, kNoToken, reader_.cursors())
                 : AssignmentMessage(reader_.cursors());
  }
  for (Lost& lost : member_.TakeGaps()) gaps_.push_back(std::move(lost));
  if (!gaps_.empty()) {
    const Lost gap = std::move(gaps_.front());
    gaps_.pop_front();
    member_.TellGap(gap);
    return GapMessage(gap);
  }
  if (reader_.has_batch()) {
    if (settling_ != nullptr && !settling_->MayTakeBatch()) return {};
    Message batch = reader_.TakeBatch();
    member_.Take();
    task_->Wake();  // The next one collects while this one is written.
    return batch;
  }
  if (settling_ != nullptr && settling_->has_undelivered()) return {};
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
  Unsettled unsettled;
  unsettled.now = last_heartbeat_;
  if (settling_ != nullptr) {
    if (const auto oldest = settling_->oldest()) unsettled.oldest = last_heartbeat_ - *oldest;
    unsettled.blocked = settling_->Held();
    std::erase_if(unsettled.blocked, [this](const HeldPart& held) { return !Blocks(held); });
  }
  return HeartbeatMessage(kNoToken, reader_.cursors(), unsettled);
}

// What has been with the client, or on its way, for less than an interval holds nothing back.
bool Group::Blocks(const HeldPart& held) const {
  if (held.blocked == v1::BLOCKED_REASON_UNSPECIFIED) return false;
  const bool passing = held.blocked == v1::BLOCKED_REASON_UNSETTLED ||
                       held.blocked == v1::BLOCKED_REASON_SLOW_READER;
  return !passing || last_heartbeat_ - held.blocked_since >= options_.heartbeat_interval;
}

}  // namespace eventbus::bus
