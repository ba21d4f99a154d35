#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/error.h"
#include "server/bus/settling.h"

namespace eventbus::bus {

constexpr auto kDone = v1::ERROR_REASON_UNSPECIFIED;
constexpr auto kInvalid = v1::ERROR_REASON_ACK_TOKEN_INVALID;
constexpr auto kExpired = v1::ERROR_REASON_ACK_TOKEN_EXPIRED;
constexpr auto kNotOwned = v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED;
inline const kafka::TopicPartition kOne{"document-events", 0};
inline const kafka::TopicPartition kTwo{"document-events", 1};

// What is handed on by Next or Deliver, or said of a batch.
struct Out {
  std::vector<AckToken> tokens;  // Of the events, and of the batch.
  std::vector<std::int64_t> offsets;
  std::vector<int> attempts;
};

class SettlingTest : public testing::Test {
 protected:
  SettlingTest() { Make({}); }

  void Make(SettlingOptions options) {
    settling_ = std::make_unique<Settling>(options);
    settling_->SetStream(7);
    Advance(absl::ZeroDuration());
    Add(kOne, 0);
    Add(kTwo, 0);
  }
  // The partition at `position`, which the group has with `metadata`; its mark is in Kafka.
  std::int64_t Add(const kafka::TopicPartition& partition, std::int64_t position,
                   const std::string& metadata = "", std::int64_t end = 100) {
    const kafka::GroupOffset known{partition, position, metadata};
    const auto next = settling_->Resume(partition, known);
    if (!next.has_value()) settling_->Add(partition, position, end, known);
    Commit();
    return next.value_or(position);
  }
  // Kafka takes what is due, and what is due then.
  void Commit() {
    for (auto due = settling_->TakeDue(); !due.empty(); due = settling_->TakeDue()) {
      for (const auto& offset : due) committed_[offset.partition] = offset;
      settling_->Committed(due);
    }
  }
  CommitMetadata Metadata(const kafka::TopicPartition& partition) {
    const kafka::GroupOffset& offset = committed_[partition];
    return *ParseCommitMetadata(offset.metadata, offset.offset);
  }
  void Advance(absl::Duration by) {
    now_ += by;
    settling_->Advance(now_);
  }

  // The next record is read: true where it goes into the next batch.
  bool Read(const kafka::TopicPartition& partition, std::int64_t offset,
            absl::optional<absl::string_view> key = absl::nullopt, std::size_t bytes = 10,
            bool decodable = true) {
    EXPECT_TRUE(settling_->Read(partition, offset));
    const std::string value(bytes, 'x');
    kafka::RecordView record;
    record.topic = partition.topic;
    record.partition = partition.partition;
    record.offset = offset;
    record.key = key;
    record.value = value;
    const auto delivery = settling_->Deliver(partition, record, decodable);
    if (!delivery.has_value()) return false;
    Note(*delivery, offset);
    return true;
  }
  // What is kept and may go, and what was read before, as one batch.
  Out Take() {
    while (const auto kept = settling_->Next()) Note(kept->delivery, kept->record.view().offset);
    if (next_.tokens.empty() || !settling_->MayTakeBatch()) return {};
    Out out = std::exchange(next_, {});
    const int events = static_cast<int>(out.tokens.size());
    out.tokens.push_back(*ParseAckToken(settling_->TakeBatch(events)));
    return out;
  }
  // The same, with whatever Kafka has to know before.
  Out CommitAndTake() {
    Out out = Take();
    if (!out.tokens.empty()) return out;
    Commit();
    return Take();
  }
  std::vector<AckToken> Deliver(const kafka::TopicPartition& partition, std::int64_t first,
                                int count, std::size_t bytes = 10,
                                absl::optional<absl::string_view> key = absl::nullopt) {
    for (int i = 0; i < count; ++i) EXPECT_TRUE(Read(partition, first + i, key, bytes));
    return Take().tokens;
  }
  // As a rebalance does.
  void ParkOne() {
    settling_->Close(kOne);
    const auto last = settling_->TakeLast();
    for (const auto& offset : last) committed_[offset.partition] = offset;
    settling_->Committed(last);
    settling_->Park(kOne);
  }
  void TakeBack() {
    settling_->TakeBack();
    next_ = {};
  }

  v1::ErrorReason Acknowledge(const AckToken& token) {
    return settling_->Settle({{token}, {}, {}}).at(0);
  }
  v1::ErrorReason Retry(const AckToken& token,
                        absl::optional<absl::Duration> delay = absl::nullopt) {
    TakeBack();
    return settling_->Settle({{}, {{token, delay}}, {}}).at(0);
  }
  v1::ErrorReason GiveUp(const AckToken& token, const std::string& reason = "broken") {
    return settling_->Settle({{}, {}, {{token, reason}}}).at(0);
  }
  std::int64_t Due(const kafka::TopicPartition& partition) {
    std::int64_t due = -1;
    for (const auto& offset : settling_->TakeDue()) {
      if (offset.partition == partition) due = offset.offset;
    }
    return due;
  }

  absl::Time now_ = absl::FromUnixSeconds(1000);
  std::unique_ptr<Settling> settling_;
  std::map<kafka::TopicPartition, kafka::GroupOffset> committed_;

 private:
  void Note(const Delivery& delivery, std::int64_t offset) {
    next_.tokens.push_back(*ParseAckToken(delivery.ack_token));
    next_.offsets.push_back(offset);
    next_.attempts.push_back(delivery.attempt);
  }

  Out next_;
};

inline CommitMetadata Settled(std::vector<Span> spans) { return {{}, {}, std::move(spans)}; }
inline Mark Open() { return {true, 0, 0, {}}; }
inline CommitMetadata Marked(Mark mark) { return {{}, mark, {}}; }

}  // namespace eventbus::bus
