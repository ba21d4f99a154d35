// How a group's stream ends.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/bus/group.h"
#include "server/bus/tail_messages.h"

namespace eventbus::bus {

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
  if (state_ == State::kEnding && (awaits_settling_ || AwaitsRebalance())) {
    leave_by_ = std::min(leave_by_, context_.clock.Now() + patience);
  }
  if (state_ == State::kLive) awaits_settling_ = true;
  End(MakeRetryError(v1::ERROR_REASON_SERVER_DRAINING, "the server is shutting down"), patience);
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
  end_ = status;
  if (settling_ != nullptr) {
    reader_.DropBatch();
    losses_ = settling_->losses();
  }
  const bool waits = end_.ok() && AwaitsRebalance();
  leave_by_ =
      context_.clock.Now() + (waits ? std::max(last_write, kRebalancePatience) : last_write);
}

bool Group::AwaitsRebalance() const {
  if (settling_ == nullptr || gone_ || !(end_.ok() || awaits_settling_)) return false;
  return settling_->parked_due();
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
    const bool said = (gone_ || (!writing_ && first_.empty())) && settled && !AwaitsRebalance();
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
  task_->Stop();
}

// OK says that all that was accepted is committed.
absl::Status Group::Outcome() const {
  if (!end_.ok()) return end_;
  if (!left_.ok()) {
    return MakeRetryError(
        v1::ERROR_REASON_KAFKA_UNAVAILABLE,
        absl::StrCat("the last commit failed, what it had comes again: ", left_.message()));
  }
  if (settling_ == nullptr) return end_;
  if (!settling_->parked_due() && settling_->losses() == losses_) return end_;
  return MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE,
                        "the group took the partition of what was settled last, which comes again");
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

}  // namespace eventbus::bus
