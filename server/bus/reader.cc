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
  events_ -= batch_.events() + (set_aside_.has_value() ? 1 : 0);
  batch_.Clear();
  set_aside_.reset();
  lost_.reset();
  cursors_ = std::move(cursors);
}

bool Reader::Read(int most) {
  int read = 0;
  while (read < most && consumer_ != nullptr && WantsMore() && consumer_->Poll(1, *this) > 0)
    ++read;
  if (batch_.empty()) cursors_.DeliverAll();
  return read == most;
}

bool Reader::WantsMore() const {
  if (account_ != nullptr && account_->full()) return false;
  return !batch_.full() && !error_.has_value() && !lost_.has_value() && !reached_end();
}

bool Reader::reached_end() const {
  if (options_.max_events > 0 && events_ >= options_.max_events) return true;
  return options_.stop_at_end && cursors_.AllRead();
}

Message Reader::TakeBatch(absl::Time now) {
  const std::string token = account_ == nullptr ? "" : account_->TakeBatch(batch_.events(), now);
  Message message = batch_.Take(token);
  cursors_.DeliverAll();
  if (const auto next = std::exchange(set_aside_, absl::nullopt)) {
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
  if (only_.has_value()) {
    positions.erase(std::remove_if(positions.begin(), positions.end(),
                                   [this](const kafka::StartOffset& position) {
                                     return !only_->contains(position.partition.topic);
                                   }),
                    positions.end());
  }
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
  ++events_;
  wire::ReceivedRecord received = ToReceived(record);
  std::string token;
  if (account_ != nullptr) {
    const std::size_t bytes = record.key.value_or("").size() + record.value.value_or("").size();
    token = account_->Deliver(partition, record.offset, bytes);
    received.ack_token = token;
  }
  if (!batch_.Add(received, body, options_.include_json)) {
    set_aside_ = kafka::StartOffset{partition, record.offset};
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
