#include "server/rdkafka/group_consumer.h"

#include <utility>

#include "server/rdkafka/group_positions.h"

namespace eventbus::rdkafka {

absl::StatusOr<std::unique_ptr<GroupConsumer>> GroupConsumer::Make(
    const ClientConfig& config, const std::string& group_id, const std::string& client_id,
    absl::AnyInvocable<void()> on_ready, std::shared_ptr<Reaper> reaper) {
  absl::StatusOr<std::unique_ptr<GroupClient>> client =
      GroupClient::Make(config, group_id, client_id);
  if (!client.ok()) return client.status();
  return std::unique_ptr<GroupConsumer>(new GroupConsumer(*std::move(client), std::move(on_ready),
                                                          config.embedded, std::move(reaper)));
}

GroupConsumer::GroupConsumer(std::unique_ptr<GroupClient> client,
                             absl::AnyInvocable<void()> on_ready, const EmbeddedKafka* embedded,
                             std::shared_ptr<Reaper> reaper)
    : client_(std::move(client)),
      reaper_(std::move(reaper)),
      look_ups_(client_->get(), embedded),
      dispatcher_(client_->get()),
      on_ready_(std::move(on_ready)) {
  // librdkafka calls when a queue is no longer empty, under the queue's lock. Polls go on until it
  // is empty, so no wake-up is lost.
  rd_kafka_queue_cb_event_enable(client_->queue(), CallOnReady, this);
  rd_kafka_queue_cb_event_enable(client_->records(), CallOnReady, this);
}

void GroupConsumer::CallOnReady(rd_kafka_t* /*client*/, void* self) {
  auto* const consumer = static_cast<GroupConsumer*>(self);
  MutexLock lock(consumer->ready_mu_);
  consumer->on_ready_();
}

void GroupConsumer::Silence() {
  // Takes the queue's lock: no call is under way after it.
  rd_kafka_queue_cb_event_enable(client_->queue(), nullptr, nullptr);
  rd_kafka_queue_cb_event_enable(client_->records(), nullptr, nullptr);
}

GroupConsumer::~GroupConsumer() {
  if (client_ == nullptr) return;
  Silence();
  client_->DropCommits();
  reaper_->Run([client = std::move(client_)] { client->Close({}, [](const absl::Status&) {}); });
}

void GroupConsumer::Leave(std::vector<kafka::GroupOffset> offsets, Done done) {
  Silence();
  reaper_->Run([client = std::move(client_), offsets = std::move(offsets),
                done = std::move(done)]() mutable { client->Close(offsets, std::move(done)); });
}

absl::Status GroupConsumer::Join(const std::vector<std::string>& topics) {
  for (const std::string& topic : topics) {
    if (const absl::Status status = look_ups_.CheckTopic(topic); !status.ok()) return status;
  }
  return client_->Join(topics);
}

int GroupConsumer::Poll(int max, kafka::ConsumerEvents& events) {
  if (client_->positions() == nullptr) return PollRecords(max, events);
  PositionEvents tracked(*client_->positions(), events);
  return PollRecords(max, tracked);
}

int GroupConsumer::PollRecords(int max, kafka::ConsumerEvents& events) {
  int found = 0;
  for (; found < max; ++found) {
    const MessageHolder message(rd_kafka_consume_queue(client_->records(), 0));
    if (message == nullptr) {
      dispatcher_.OnEmpty();
      break;
    }
    dispatcher_.Dispatch(*message, events);
  }
  return found;
}

int GroupConsumer::PollGroup(int max, kafka::GroupEvents& events) {
  return client_->PollGroup(max, events);
}

absl::Status GroupConsumer::Assign(const std::vector<kafka::StartOffset>& positions) {
  return client_->Assign(positions);
}

absl::Status GroupConsumer::Release() { return client_->Release(); }

void GroupConsumer::Commit(const std::vector<kafka::GroupOffset>& offsets, Done done) {
  client_->Commit(offsets, std::move(done));
}

std::int64_t GroupConsumer::CachedEnd(const kafka::TopicPartition& partition) const {
  return look_ups_.CachedEnd(partition);
}

absl::StatusOr<std::vector<kafka::Watermarks>> GroupConsumer::QueryWatermarks(
    const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) {
  return look_ups_.Watermarks(partitions, timeout);
}

absl::StatusOr<std::vector<kafka::Watermarks>> GroupConsumer::QueryLedWatermarks(
    const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) {
  return look_ups_.Watermarks(partitions, timeout, LookUps::Leaderless::kPassedOver);
}

absl::StatusOr<std::vector<std::int64_t>> GroupConsumer::QueryOffsetsForTime(
    const std::vector<kafka::TopicPartition>& partitions, absl::Time time, absl::Duration timeout) {
  return look_ups_.OffsetsForTime(partitions, time, timeout);
}

absl::StatusOr<std::vector<kafka::GroupOffset>> GroupConsumer::QueryCommitted(
    const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) {
  return look_ups_.Committed(partitions, timeout);
}

}  // namespace eventbus::rdkafka
