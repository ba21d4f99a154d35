#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/mutex.h"
#include "server/bus/resume_token.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {

// What has been written, kept beside the FakeKafka that it is written to. Thread-safe.
class WrittenLog {
 public:
  // Empty `type`: a value that is not JSON; `control`: an offset that no reader is handed.
  struct Record {
    std::string type;
    std::string value;
    bool control = false;
  };

  explicit WrittenLog(fakes::FakeKafka& kafka) : kafka_(kafka) {}

  void AddTopic(const std::string& topic, int partitions) {
    kafka_.AddTopic(topic, partitions);
    MutexLock lock(mu_);
    for (int i = 0; i < partitions; ++i) log_[{topic, i}];
  }

  // One record of a random kind to a random partition. Known here before any reader can have it.
  void WriteOne(std::mt19937& random) {
    static const std::vector<std::string> types = {"document.uploaded", "document.processing",
                                                   "document.indexed", "document.error"};
    MutexLock lock(mu_);
    auto at = log_.begin();
    std::advance(at, random() % log_.size());
    const auto& [topic, partition] = at->first;
    std::vector<Record>& records = at->second;
    const auto kind = random() % 50;
    if (kind == 0) {
      records.push_back({"", "", true});
      kafka_.AppendControl(topic, partition);
      return;
    }
    const int n = ++written_;
    const std::string type = kind < 3 ? "" : types[kind % types.size()];
    records.push_back({type, type.empty() ? "no" : fakes::DocumentJson(n, type), false});
    kafka_.Append(topic, partition, records.back().value);
  }

  std::int64_t End(const kafka::TopicPartition& partition) const {
    MutexLock lock(mu_);
    return static_cast<std::int64_t>(log_.at(partition).size());
  }
  Record At(const kafka::TopicPartition& partition, std::int64_t offset) const {
    MutexLock lock(mu_);
    return log_.at(partition).at(static_cast<std::size_t>(offset));
  }
  // The offset of the first record in [from, end) that can be read and has `type` (empty: any) or
  // cannot be decoded; else `end`.
  std::int64_t FirstWanted(const kafka::TopicPartition& partition, const std::string& type,
                           std::int64_t from, std::int64_t end) const {
    MutexLock lock(mu_);
    const std::vector<Record>& records = log_.at(partition);
    for (; from < end; ++from) {
      const Record& record = records.at(static_cast<std::size_t>(from));
      if (record.control) continue;
      if (record.type.empty() || type.empty() || record.type == type) break;
    }
    return from;
  }
  std::map<kafka::TopicPartition, std::int64_t> Ends() const {
    MutexLock lock(mu_);
    std::map<kafka::TopicPartition, std::int64_t> ends;
    for (const auto& [partition, records] : log_) {
      ends[partition] = static_cast<std::int64_t>(records.size());
    }
    return ends;
  }

 private:
  fakes::FakeKafka& kafka_;
  mutable Mutex mu_;
  std::map<kafka::TopicPartition, std::vector<Record>> log_ ABSL_GUARDED_BY(mu_);
  int written_ ABSL_GUARDED_BY(mu_) = 0;
};

// Compares what one stream is sent with what was written: every record that its filter passes, once
// and in order, and tokens that say exactly that. One thread at a time.
class TailChecker {
 public:
  struct Expected {
    std::string type;  // The only one that passes, besides what cannot be decoded; empty: all.
    bool include_json = false;
    int max_batch_events = 256;
  };

  TailChecker(const WrittenLog& log, Expected expected)
      : log_(log), expected_(std::move(expected)) {}

  void Check(const v1::SubscribeResponse& message) {
    if (message.has_started()) Start(message.started());
    if (message.has_batch()) CheckBatch(message.batch());
    if (message.has_heartbeat()) CheckToken(message.heartbeat().resume_token());
    if (message.has_caught_up()) CheckToken(message.caught_up().resume_token());
    EXPECT_FALSE(message.has_gap()) << message.ShortDebugString();
  }

  // Everything written before `ends` has come.
  bool Complete(const std::map<kafka::TopicPartition, std::int64_t>& ends) const {
    if (!started_) return false;
    for (const auto& [partition, end] : ends) {
      const auto next = next_.find(partition);
      if (next == next_.end() || FirstWanted(partition, next->second, end) < end) return false;
    }
    return true;
  }

  // The last token that came, and where it leads.
  const std::string& token() const { return token_; }
  std::int64_t events() const { return events_; }

 private:
  void Start(const v1::Started& started) {
    EXPECT_FALSE(std::exchange(started_, true));
    for (const v1::Position& position : started.assigned()) {
      next_[{position.topic(), position.partition()}] = position.offset();
    }
    CheckToken(started.resume_token());
  }

  void CheckBatch(const v1::EventBatch& batch) {
    EXPECT_LE(batch.events_size(), expected_.max_batch_events);
    for (const v1::ReceivedEvent& event : batch.events()) CheckEvent(event);
  }

  void CheckEvent(const v1::ReceivedEvent& event) {
    ++events_;
    const kafka::TopicPartition partition{event.topic(), event.partition()};
    std::int64_t& next = next_.at(partition);
    ASSERT_EQ(event.offset(), FirstWanted(partition, next, log_.End(partition)))
        << partition.topic << " " << partition.partition << " after " << next;
    next = event.offset() + 1;
    const WrittenLog::Record record = log_.At(partition, event.offset());
    EXPECT_EQ(event.event_type(), record.type);
    EXPECT_EQ(event.has_undecodable(), record.type.empty());
    const bool json = expected_.include_json && !record.type.empty();
    EXPECT_EQ(event.json(), json ? record.value : "");
    if (!record.type.empty()) {
      EXPECT_THAT(record.value, testing::HasSubstr(event.event_id()));
    }
  }

  // Nothing that is wanted lies between what was delivered and what the token says.
  void CheckToken(const std::string& text) {
    token_ = text;
    const auto token = ParseResumeToken(text);
    ASSERT_TRUE(token.has_value());
    for (const auto& [partition, offset] : token->positions) {
      EXPECT_GE(offset, next_.at(partition));
      EXPECT_EQ(FirstWanted(partition, next_.at(partition), offset), offset);
    }
  }

  std::int64_t FirstWanted(const kafka::TopicPartition& partition, std::int64_t from,
                           std::int64_t end) const {
    return log_.FirstWanted(partition, expected_.type, from, end);
  }

  const WrittenLog& log_;
  const Expected expected_;
  bool started_ = false;
  std::map<kafka::TopicPartition, std::int64_t> next_;
  std::string token_;
  std::int64_t events_ = 0;
};

}  // namespace eventbus::bus
