#include "server/bus/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "eventbus/v1/event_bus_service.pb.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;

constexpr char kTopic[] = "document-events";

// Says what it is told to say, and keeps what it is told to keep.
class FakeAccount final : public Account {
 public:
  bool Read(const kafka::TopicPartition& /*partition*/, std::int64_t offset) override {
    read.push_back(offset);
    return offset != settled;
  }
  void ReadTo(const kafka::TopicPartition& /*partition*/, std::int64_t next) override {
    read_to = next;
  }
  void Skip(const kafka::TopicPartition& /*partition*/, std::int64_t offset) override {
    skipped.push_back(offset);
  }
  absl::optional<Delivery> Deliver(const kafka::TopicPartition& /*partition*/,
                                   const kafka::RecordView& record, bool decodable) override {
    if (!decodable) undecodable.push_back(record.offset);
    if (keeps) {
      kept.emplace_back(record);
      return absl::nullopt;
    }
    collected.emplace_back(record);
    return Delivery{"token-" + std::to_string(record.offset), 3};
  }
  absl::optional<Kept> Next() override {
    if (!gives || kept.empty()) return absl::nullopt;
    collected.push_back(kept.front());
    kept.pop_front();
    return Kept{collected.back(), {"again", 4}};
  }
  bool has_undelivered() const override { return !kept.empty(); }
  void TakeBack() override {
    kept.insert(kept.begin(), collected.begin(), collected.end());
    collected.clear();
  }
  bool MayTakeBatch() override { return true; }
  std::string TakeBatch(int events) override {
    collected.erase(collected.begin(), collected.begin() + events);
    return "batch of " + std::to_string(events);
  }
  bool full() const override { return is_full; }
  bool IsPaused(const kafka::TopicPartition& partition) const override {
    return paused.contains(partition);
  }
  std::uint64_t pauses() const override { return changes; }

  std::int64_t settled = -1;
  bool keeps = false;
  bool gives = true;
  bool is_full = false;
  std::set<kafka::TopicPartition> paused;
  std::uint64_t changes = 0;
  std::vector<std::int64_t> read;
  std::vector<std::int64_t> skipped;
  std::vector<std::int64_t> undecodable;
  std::int64_t read_to = -1;
  std::deque<kafka::KeptRecord> kept;
  std::deque<kafka::KeptRecord> collected;
};

class ReaderTest : public testing::Test {
 protected:
  ReaderTest() { kafka_.AddTopic(kTopic, 1); }

  void Append(int count) {
    for (int i = 0; i < count; ++i) kafka_.Append(kTopic, 0, fakes::DocumentJson(i));
  }
  void Begin(const std::vector<kafka::TopicPartition>& partitions = {{kTopic, 0}}) {
    reader_ = std::make_unique<Reader>(*fakes::Schema::Get().plan, options_);
    reader_->SetAccount(&account_);
    Cursors cursors;
    for (const kafka::TopicPartition& each : partitions) {
      cursors.Add(each, 0, kafka_.End(each.topic, each.partition));
    }
    std::shared_ptr<kafka::Consumer> consumer = *kafka_.MakeConsumer("reader", [] {});
    reader_->Begin(consumer, std::move(cursors));
    ASSERT_TRUE(reader_->GoOn().ok());
  }
  v1::EventBatch Take() {
    std::string bytes;
    for (const Slice& part : reader_->TakeBatch()) {
      bytes.append(part.view().data(), part.view().size());
    }
    v1::SubscribeResponse response;
    EXPECT_TRUE(response.ParseFromString(bytes));
    return response.batch();
  }
  static std::vector<std::int64_t> Offsets(const v1::EventBatch& batch) {
    std::vector<std::int64_t> offsets;
    for (const auto& event : batch.events()) offsets.push_back(event.offset());
    return offsets;
  }

  fakes::FakeKafka kafka_;
  FakeAccount account_;
  ReaderOptions options_;
  std::unique_ptr<Reader> reader_;
};

TEST_F(ReaderTest, EventsAndTheirBatchCarryWhatTheAccountSays) {
  Append(2);
  Begin();
  reader_->Read(100);
  const v1::EventBatch batch = Take();
  EXPECT_EQ(batch.ack_token(), "batch of 2");
  EXPECT_EQ(batch.events(1).ack_token(), "token-1");
  EXPECT_EQ(batch.events(1).delivery_attempt(), 3);
  EXPECT_EQ(account_.read_to, 2);
}

TEST_F(ReaderTest, WhatIsSettledIsNotDelivered) {
  account_.settled = 1;
  Append(3);
  Begin();
  reader_->Read(100);
  EXPECT_THAT(account_.read, ElementsAre(0, 1, 2));
  EXPECT_THAT(Offsets(Take()), ElementsAre(0, 2));
}

TEST_F(ReaderTest, WhatTheFilterHoldsBackIsSkipped) {
  options_.filter = *Filter::Parse({"document.indexed"}, fakes::Schema::Get().catalog);
  Append(2);
  kafka_.Append(kTopic, 0, "no JSON");
  Begin();
  reader_->Read(100);
  EXPECT_THAT(account_.skipped, ElementsAre(0, 1));
  EXPECT_THAT(account_.undecodable, ElementsAre(2));
}

TEST_F(ReaderTest, WhatIsKeptComesBeforeWhatIsNew) {
  account_.keeps = true;
  account_.gives = false;
  Append(2);
  Begin();
  reader_->Read(100);
  EXPECT_FALSE(reader_->has_batch());
  Append(1);
  account_.keeps = false;
  account_.gives = true;
  reader_->Read(100);
  const v1::EventBatch batch = Take();
  EXPECT_THAT(Offsets(batch), ElementsAre(0, 1, 2));
  EXPECT_EQ(batch.events(0).delivery_attempt(), 4);
}

TEST_F(ReaderTest, FullItDeliversWhatIsKeptAndReadsNothing) {
  account_.keeps = true;
  account_.gives = false;
  Append(2);
  Begin();
  reader_->Read(2);
  account_.is_full = true;
  account_.gives = true;
  reader_->Read(100);
  EXPECT_THAT(Offsets(Take()), ElementsAre(0, 1));
  EXPECT_EQ(account_.read_to, -1) << "nothing was read";
}

TEST_F(ReaderTest, APausedPartitionHoldsUpNoOther) {
  kafka_.AddTopic("meeting-events", 1);
  Append(1);
  Begin({{kTopic, 0}, {"meeting-events", 0}});
  reader_->Read(100);
  Take();
  account_.paused = {{kTopic, 0}};
  ++account_.changes;
  Append(2);
  kafka_.Append("meeting-events", 0, "{}");
  account_.read.clear();
  reader_->Read(100);
  EXPECT_THAT(account_.read, ElementsAre(0)) << "the meeting's";
  account_.paused.clear();
  ++account_.changes;
  reader_->Read(100);
  EXPECT_THAT(account_.read, ElementsAre(0, 1, 2)) << "from where it was";
}

TEST_F(ReaderTest, APauseOutlastsAnotherStart) {
  Append(1);
  Begin();
  account_.paused = {{kTopic, 0}};
  ++account_.changes;
  ASSERT_TRUE(reader_->GoOn().ok());
  reader_->Read(100);
  EXPECT_THAT(account_.read, ElementsAre());
}

TEST_F(ReaderTest, ABatchThatIsDroppedDoesNotCountForMaxEvents) {
  options_.max_events = 2;
  Append(3);
  Begin();
  reader_->Read(100);
  EXPECT_TRUE(reader_->reached_end());
  reader_->DropBatch();
  EXPECT_FALSE(reader_->reached_end());
  reader_->Read(100);
  EXPECT_THAT(Offsets(Take()), ElementsAre(0, 1));
  EXPECT_TRUE(reader_->reached_end());
}

TEST_F(ReaderTest, SoDoesWhatABatchHadSetAside) {
  options_.max_events = 3;
  options_.batch.max_bytes = 1500;
  Append(6);
  Begin();
  reader_->Read(100);
  const std::size_t fit = account_.collected.size();
  ASSERT_GE(fit, 2u);
  reader_->DropBatch();
  EXPECT_EQ(account_.kept.size(), fit);
  std::vector<std::int64_t> offsets;
  for (int i = 0; i < 10 && !reader_->reached_end(); ++i) {
    reader_->Read(100);
    while (reader_->has_batch()) {
      for (const std::int64_t offset : Offsets(Take())) offsets.push_back(offset);
    }
  }
  EXPECT_THAT(offsets, ElementsAre(0, 1, 2));
}

TEST_F(ReaderTest, StopAtEndWaitsForWhatIsKept) {
  options_.stop_at_end = true;
  account_.keeps = true;
  account_.gives = false;
  Append(2);
  Begin();
  reader_->Read(100);
  EXPECT_FALSE(reader_->reached_end()) << "read, and not delivered";
  account_.gives = true;
  reader_->Read(100);
  EXPECT_TRUE(reader_->reached_end());
  EXPECT_THAT(Offsets(Take()), ElementsAre(0, 1));
}

TEST_F(ReaderTest, StopAtEndDeliversNothingThatCameLater) {
  options_.stop_at_end = true;
  Append(2);
  Begin();
  Append(2);
  reader_->Read(100);
  EXPECT_THAT(Offsets(Take()), ElementsAre(0, 1));
  EXPECT_THAT(account_.read, ElementsAre(0, 1));
  EXPECT_TRUE(reader_->reached_end());
}

}  // namespace
}  // namespace eventbus::bus
