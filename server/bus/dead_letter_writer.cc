#include "server/bus/dead_letter_writer.h"

#include <utility>

#include "server/base/error.h"
#include "server/bus/dead_letter_plan.h"
#include "server/bus/dead_letter_record.h"

namespace eventbus::bus {

absl::Status DeadLetterWriter::Start() { return GetProducer().status(); }

void DeadLetterWriter::Write(const DeadLetter& letter, DeadLetters::Done done) {
  auto topic = DeadLetterTopic(letter.record.view().topic, letter.group);
  if (!topic.ok()) return done(topic.status());
  const auto producer = GetProducer();
  if (!producer.ok()) return done(producer.status());
  kafka::OutgoingRecord record = MakeDeadLetterRecord(letter, *std::move(topic));
  kafka::Producer::DoneCallback on_report =
      [done = std::move(done)](const absl::StatusOr<kafka::Position>& position) mutable {
        done(position.status());
      };
  const absl::Status taken = (*producer)->Produce(record, on_report);
  if (!taken.ok()) on_report(taken);
}

bool DeadLetterWriter::Flush(absl::Duration timeout) {
  kafka::Producer* producer = nullptr;
  {
    MutexLock lock(mu_);
    producer = producer_.get();
  }
  return producer == nullptr || producer->Flush(timeout);
}

void DeadLetterWriter::Stop() {
  kafka::Producer* producer = nullptr;
  {
    MutexLock lock(mu_);
    stopped_ = true;
    producer = producer_.get();
  }
  if (producer != nullptr) producer->Stop();
}

absl::StatusOr<kafka::Producer*> DeadLetterWriter::GetProducer() {
  MutexLock lock(mu_);
  if (stopped_) {
    return MakeRetryError(v1::ERROR_REASON_SERVER_DRAINING,
                          "the server is shutting down; the dead letter was not written");
  }
  if (producer_ == nullptr) {
    auto made = make_();
    if (!made.ok()) return made.status();
    producer_ = *std::move(made);
  }
  return producer_.get();
}

}  // namespace eventbus::bus
