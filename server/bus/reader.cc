#include "server/bus/reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "server/bus/received_record.h"
#include "server/wire/decode.h"

namespace eventbus::bus {

Reader::Reader(const wire::Plan& plan, ReaderOptions options)
    : plan_(plan), options_(std::move(options)), batch_(options_.batch) {}

void Reader::Begin(std::shared_ptr<kafka::Consumer> consumer, Cursors cursors) {
  consumer_ = std::move(consumer);
  cursors_ = std::move(cursors);
}

void Reader::Restart(Cursors cursors) {
  DropBatch();
  lost_.reset();
  cursors_ = std::move(cursors);
}

void Reader::DropBatch() {
  events_ -= batch_.events() + (set_aside_.has_value() ? 1 : 0);
  batch_.Clear();
  set_aside_.reset();
  if (account_ != nullptr) account_->TakeBack();
}

bool Reader::Read(int most) {
  int read = 0;
  while (read < most && WantsMore() && Advance()) ++read;
  if (batch_.empty()) cursors_.DeliverAll();
  return read == most;
}

bool Reader::WantsMore() const { return !batch_.full() && !reached_end(); }

// What is kept comes before what is new: it may be of the same key.
bool Reader::Advance() {
  if (account_ != nullptr && CollectKept()) return true;
  if (consumer_ == nullptr || error_.has_value() || lost_.has_value()) return false;
  if (account_ != nullptr && (account_->full() || !FollowPauses())) return false;
  return consumer_->Poll(1, *this) > 0;
}

// What is paused holds up no other partition: the consumer reads the others alone.
bool Reader::FollowPauses() {
  if (account_->pauses() == pauses_) return true;
  const absl::Status status = GoOn();
  if (!status.ok()) error_ = status;
  return status.ok();
}

bool Reader::CollectKept() {
  const absl::optional<Account::Kept> kept = account_->Next();
  if (!kept.has_value()) return false;
  const kafka::RecordView& record = kept->record.view();
  const auto body = wire::Decode(plan_, *plan_.FindByTopic(record.topic), record.value);
  AddToBatch(record, body, kept->delivery);
  return true;
}

bool Reader::reached_end() const {
  if (options_.max_events > 0 && events_ >= options_.max_events) return true;
  if (account_ != nullptr && account_->has_undelivered()) return false;
  return options_.stop_at_end && cursors_.AllRead();
}

Message Reader::TakeBatch() {
  const std::string token = account_ == nullptr ? "" : account_->TakeBatch(batch_.events());
  Message message = batch_.Take(token);
  cursors_.DeliverAll();
  const auto next = std::exchange(set_aside_, absl::nullopt);
  if (next.has_value() && account_ == nullptr) {
    cursors_.SetDelivered(cursors_.Find(next->partition.topic, next->partition.partition),
                          next->offset);
  }
  return message;
}

Taken Reader::Take(const Chunk& chunk, std::size_t from, const std::vector<int>& cursors_of) {
  const std::int64_t left = options_.max_events > 0 ? options_.max_events - events_
                                                    : std::numeric_limits<std::int64_t>::max();
  const ChunkTake wanted{options_.filter, options_.stop_at_end, left, cursors_of};
  const Taken taken = TakeChunk(chunk, from, wanted, cursors_, batch_);
  events_ += taken.events;
  if (batch_.empty()) cursors_.DeliverAll();
  return taken;
}

void Reader::RefreshEnds() {
  if (consumer_ == nullptr) return;
  for (std::size_t i = 0; i < cursors_.all().size(); ++i) {
    const std::int64_t end = consumer_->CachedEnd(cursors_.all()[i].partition);
    if (end >= 0) cursors_.SetEnd(static_cast<int>(i), end);
  }
}

absl::Status Reader::GoOn() {
  lost_.reset();
  if (consumer_ == nullptr) return absl::OkStatus();
  cursors_.Doubt();
  std::vector<kafka::StartOffset> positions = cursors_.ReadPositions();
  if (account_ != nullptr) pauses_ = account_->pauses();
  std::erase_if(positions, [this](const kafka::StartOffset& position) {
    if (only_.has_value() && !only_->contains(position.partition.topic)) return true;
    return account_ != nullptr && account_->IsPaused(position.partition);
  });
  return consumer_->Assign(positions);
}

void Reader::OnRecord(const kafka::RecordView& record) {
  const int index = cursors_.Find(record.topic, record.partition);
  if (index < 0) return;
  const Cursors::Cursor& cursor = cursors_[index];
  if (record.offset < cursor.read) return;  // Fetched before an Assign; had already.
  cursors_.Confirm(index);
  if (options_.stop_at_end && record.offset >= cursor.end_at_start) {
    return cursors_.SetRead(index, std::max(cursor.read, cursor.end_at_start));
  }
  cursors_.SetRead(index, record.offset + 1);
  if (account_ != nullptr && !account_->Read(cursor.partition, record.offset)) return;
  Collect(record, cursor.partition);
}

void Reader::Collect(const kafka::RecordView& record, const kafka::TopicPartition& partition) {
  const auto body = wire::Decode(plan_, *plan_.FindByTopic(record.topic), record.value);
  const auto* decoded = std::get_if<wire::Decoded>(&body);
  if (decoded != nullptr && !options_.filter.Passes(decoded->event_type)) {
    if (account_ != nullptr) account_->Skip(partition, record.offset);
    return;
  }
  absl::optional<Delivery> delivery;
  if (account_ != nullptr) {
    delivery = account_->Deliver(partition, record, decoded != nullptr);
    if (!delivery.has_value()) return;
  }
  AddToBatch(record, body, delivery);
}

void Reader::AddToBatch(const kafka::RecordView& record,
                        const std::variant<wire::Decoded, wire::Undecodable>& body,
                        const absl::optional<Delivery>& delivery) {
  ++events_;
  wire::ReceivedRecord received = ToReceived(record);
  received.delivery_attempt = options_.delivery_attempt;
  if (delivery.has_value()) {
    received.ack_token = delivery->ack_token;
    received.delivery_attempt = delivery->attempt;
  }
  if (!batch_.Add(received, body, options_.include_json)) {
    set_aside_ = kafka::StartOffset{{std::string(record.topic), record.partition}, record.offset};
  }
}

// Reading past a control record, too, is progress.
void Reader::OnPartitionEnd(const kafka::TopicPartition& partition, std::int64_t next_offset) {
  const int index = cursors_.Find(partition.topic, partition.partition);
  if (index < 0) return;
  const Cursors::Cursor& cursor = cursors_[index];
  cursors_.SetEnd(index, next_offset);
  cursors_.Confirm(index);
  const std::int64_t read =
      options_.stop_at_end ? std::min(next_offset, cursor.end_at_start) : next_offset;
  if (read > cursor.read) cursors_.SetRead(index, read);
  if (account_ != nullptr) account_->ReadTo(cursor.partition, read);
}

void Reader::OnPositionLost(const kafka::TopicPartition& partition) {
  if (cursors_.Find(partition.topic, partition.partition) >= 0) lost_ = partition;
}

void Reader::OnError(const absl::Status& error) { error_ = error; }

}  // namespace eventbus::bus
