#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/bus/cluster_monitor.h"
#include "server/bus/dead_letter_queues.h"
#include "tests/integration/rdkafka_fixtures.h"
#include "tests/integration/rdkafka_support.h"

namespace eventbus::testing {

using Headers = std::vector<std::pair<std::string, std::optional<std::string>>>;

// The dead-letter topics on the Kafka of `Fixture`.
template <typename Fixture>
class DeadLettersTest : public Fixture {
 protected:
  void SetUp() override {
    Fixture::SetUp();
    admin_ = rdkafka::MakeAdmin(this->config_).value();
    monitor_ = std::make_unique<bus::ClusterMonitor>(*admin_, *blocking_, Clock::System(),
                                                     bus::ClusterMonitor::Options());
    queues_ = std::make_unique<bus::DeadLetterQueues>(
        *admin_, *monitor_, Clock::System(),
        [config = this->config_] { return rdkafka::MakeForeignProducer(config); });
  }
  ~DeadLettersTest() override {
    if (queues_ != nullptr) queues_->Stop();
    blocking_->Stop();
  }

  // A letter of the group `group`.
  static bus::DeadLetter Letter(const kafka::RecordView& record) {
    return {"group", kafka::KeptRecord(record), 3, "poison"};
  }

  // Writes all at once; their outcomes.
  std::vector<absl::Status> Write(const std::vector<bus::DeadLetter>& letters) {
    const auto reports = std::make_shared<Reports>();
    for (std::size_t i = 0; i < letters.size(); ++i) {
      queues_->Write(letters[i], [reports, i](const absl::Status& status) {
        auto report = reports->For(static_cast<int>(i));
        if (!status.ok()) return report(status);
        report(kafka::Position{});
      });
    }
    std::vector<absl::Status> outcomes;
    for (const auto& [i, report] : reports->Wait(letters.size())) {
      outcomes.push_back(report.status());
    }
    return outcomes;
  }
  absl::Status Write(const bus::DeadLetter& letter) { return Write(std::vector{letter}).at(0); }

  std::vector<ReceivedRecord> Read(const std::string& topic, int partition, std::size_t count) {
    const auto factory = this->MakeFactory();
    Reader reader(*factory);
    reader.Assign({topic, partition}, 0);
    EXPECT_TRUE(reader.PollForRecords(count));
    return reader.events.records;
  }

  // What comes out of a dead-letter topic of three partitions is what went in.
  void CheckThatAllIsKept(const std::string& topic) {
    const std::string key("\0\xff", 2);
    kafka::RecordView record;
    record.topic = topic;
    record.partition = 2;
    record.offset = 7;
    record.timestamp_ms = 1'700'000'000'123;
    record.key = key;
    record.value = "{broken";
    record.headers = {{"h", absl::string_view("1")}, {"h", absl::nullopt}};
    ASSERT_EQ(Write(Letter(record)), absl::OkStatus());
    record.key = absl::nullopt;
    record.value = absl::nullopt;
    record.headers = {};
    ASSERT_EQ(Write(Letter(record)), absl::OkStatus());
    const auto records = Read(topic + ".group.dlq", 2, 2);
    ASSERT_EQ(records.size(), 2u);
    Headers added = {{"eventbus-dlq-topic", topic},    {"eventbus-dlq-partition", "2"},
                     {"eventbus-dlq-offset", "7"},     {"eventbus-dlq-timestamp", "1700000000123"},
                     {"eventbus-dlq-group", "group"},  {"eventbus-dlq-attempts", "3"},
                     {"eventbus-dlq-reason", "poison"}};
    EXPECT_EQ(records[1].key, std::nullopt);
    EXPECT_EQ(records[1].value, std::nullopt);
    EXPECT_EQ(records[1].headers, added);
    added.insert(added.begin(), {{"h", "1"}, {"h", std::nullopt}});
    EXPECT_EQ(records[0].key, key);
    EXPECT_EQ(records[0].value, "{broken");
    EXPECT_EQ(records[0].headers, added);
  }

  std::unique_ptr<kafka::Admin> admin_;
  const std::unique_ptr<Executor> blocking_ = MakeThreadPool("blocking", 1);
  std::unique_ptr<bus::ClusterMonitor> monitor_;
  std::unique_ptr<bus::DeadLetterQueues> queues_;
};

}  // namespace eventbus::testing
