#include "server/bus/look_ups.h"

#include <utility>

namespace eventbus::bus {
namespace {

class Ignored final : public kafka::ConsumerEvents {
  void OnRecord(const kafka::RecordView&) override {}
  void OnPartitionEnd(const kafka::TopicPartition&, std::int64_t) override {}
  void OnPositionLost(const kafka::TopicPartition&) override {}
  void OnError(const absl::Status&) override {}
};

}  // namespace

LookUps::LookUps(kafka::ConsumerFactory& consumers, Executor& executor, std::string client_id)
    : consumers_(consumers),
      client_id_(std::move(client_id)),
      task_(std::make_shared<SerialTask>(executor)) {
  task_->SetBody([this] { Discard(); });
}

LookUps::~LookUps() { task_->Stop(); }

absl::StatusOr<std::vector<kafka::Watermarks>> LookUps::QueryWatermarks(
    const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) {
  const auto consumer = Get();
  if (!consumer.ok()) return consumer.status();
  auto marks = (*consumer)->QueryWatermarks(partitions, timeout);
  Check(marks.status(), *consumer);
  return marks;
}

absl::StatusOr<std::vector<std::int64_t>> LookUps::QueryOffsetsForTime(
    const std::vector<kafka::TopicPartition>& partitions, absl::Time time, absl::Duration timeout) {
  const auto consumer = Get();
  if (!consumer.ok()) return consumer.status();
  auto offsets = (*consumer)->QueryOffsetsForTime(partitions, time, timeout);
  Check(offsets.status(), *consumer);
  return offsets;
}

absl::StatusOr<std::shared_ptr<kafka::Consumer>> LookUps::Get() {
  {
    MutexLock lock(mu_);
    if (consumer_ != nullptr) return consumer_;
  }
  auto made = consumers_.MakeConsumer(client_id_, [task = task_] { task->Wake(); });
  if (!made.ok()) return made.status();
  std::shared_ptr<kafka::Consumer> consumer = *std::move(made);
  MutexLock lock(mu_);
  if (consumer_ == nullptr) consumer_ = consumer;  // Another look-up may have been faster.
  return consumer_;
}

// One that is dead is not asked again.
void LookUps::Check(const absl::Status& status, const std::shared_ptr<kafka::Consumer>& consumer) {
  if (!absl::IsInternal(status)) return;
  MutexLock lock(mu_);
  if (consumer_ == consumer) consumer_ = nullptr;
}

void LookUps::Discard() {
  std::shared_ptr<kafka::Consumer> consumer;
  {
    MutexLock lock(mu_);
    consumer = consumer_;
  }
  constexpr int kMost = 100;
  Ignored ignored;
  if (consumer != nullptr && consumer->Poll(kMost, ignored) == kMost) task_->Wake();
}

}  // namespace eventbus::bus
