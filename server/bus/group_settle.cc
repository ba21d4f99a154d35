// What of a group's events is settled, given up and told.
#include <utility>

#include "server/base/error.h"
#include "server/base/log.h"
#include "server/bus/dead_letters.h"
#include "server/bus/group.h"
#include "server/wire/decode.h"

namespace eventbus::bus {
namespace {

// As people are told of it.
HeldPartition ToHeldPartition(const HeldPart& part, const wire::Plan& plan) {
  HeldPartition held;
  held.partition = part.partition;
  held.blocked = part.blocked;
  held.outstanding = part.outstanding;
  held.careful_until = part.careful_until;
  if (!part.first.has_value()) return held;
  const kafka::RecordView& record = part.first->record.view();
  BlockingEvent event{record.offset, "", absl::nullopt, part.first->read_at,
                      part.first->delivery_attempt};
  const auto body = wire::Decode(plan, *plan.FindByTopic(record.topic), record.value);
  if (const auto* decoded = std::get_if<wire::Decoded>(&body)) event.event_id = decoded->event_id;
  if (record.key.has_value()) event.key = std::string(*record.key);
  held.blocking_event = std::move(event);
  return held;
}

}  // namespace

void Group::Inspect(GroupInspected::Done done) {
  Tell([&done](Inbox& inbox) { inbox.inspections.push_back(std::move(done)); });
}

void Group::Settle(Settlement<AckToken> asked, AckTarget::Done done) {
  Ask ask{std::move(asked), std::move(done)};
  if (TakeAsk(ask)) return task_->Wake();
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

// On the blocking pool.
absl::Status Group::PrepareLetters(const std::vector<std::string>& topics) const {
  if (!WantsLetters()) return absl::OkStatus();
  if (context_.dead_letters == nullptr) {
    return MakeError(v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE,
                     "this server writes to no dead-letter topics");
  }
  return context_.dead_letters->Prepare(options_.source.group_id, topics);
}

void Group::TakeAsks(std::vector<Ask> asks) {
  for (Ask& ask : asks) {
    if (!ask.asked.retries.empty()) reader_.DropBatch();
    ask.done(settling_->Settle(ask.asked));
  }
}

void Group::TakeLetters(const std::vector<std::pair<Letters::Id, absl::Status>>& letters) {
  for (const auto& [id, status] : letters) {
    if (status.ok()) {
      settling_->LetterWritten(id);
      continue;
    }
    settling_->LetterFailed(id);
    Log(LogLevel::kWarning, "a dead letter could not be written, it is tried again",
        {{"stream", options_.stream_id}, {"reason", std::string(status.message())}});
  }
}

void Group::SendLetters() {
  if (settling_ == nullptr) return;
  for (auto& [id, letter] : settling_->TakeLetters()) {
    context_.dead_letters->Write(
        {options_.source.group_id, *letter.event->record, letter.deliveries,
         std::move(letter.reason)},
        [self = shared_from_this(), id = id](const absl::Status& status) {
          self->Tell([&](Inbox& inbox) { inbox.letters.emplace_back(id, status); });
        });
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

HeldStream Group::Describe() const {
  HeldStream stream{options_.stream_id, options_.source.client_id, {}};
  const auto add = [&stream](const std::vector<kafka::TopicPartition>& partitions,
                             v1::BlockedReason blocked) {
    for (const kafka::TopicPartition& partition : partitions) {
      stream.partitions.push_back({partition, blocked, {}, 0, {}});
    }
  };
  add(member_.waiting(), v1::BLOCKED_REASON_KAFKA_UNAVAILABLE);
  if (settling_ == nullptr) {
    add(member_.partitions(), v1::BLOCKED_REASON_UNSPECIFIED);
    return stream;
  }
  for (const HeldPart& part : settling_->Held()) {
    stream.partitions.push_back(ToHeldPartition(part, context_.plan));
  }
  return stream;
}

}  // namespace eventbus::bus
