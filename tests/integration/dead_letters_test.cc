// Dead-letter topics on the embedded Kafka.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/dead_letters_fixture.h"

namespace eventbus {
namespace {

using EmbeddedDeadLettersTest = testing::DeadLettersTest<testing::EmbeddedKafkaTest>;

TEST_F(EmbeddedDeadLettersTest, PrepareMakesTheOriginsPartitions) {
  ASSERT_EQ(queues_->Prepare("group", {"trio", "events", "nowhere"}), absl::OkStatus());
  const auto cluster = admin_->Describe(kTimeout);
  ASSERT_TRUE(cluster.ok());
  EXPECT_EQ(cluster->topics.at("trio.group.dlq").partitions, 3);
  EXPECT_EQ(cluster->topics.at("events.group.dlq").partitions, 1);
  EXPECT_EQ(cluster->topics.count("nowhere.group.dlq"), 0u);
  EXPECT_EQ(queues_->Prepare("group", {"trio"}), absl::OkStatus());
}

TEST_F(EmbeddedDeadLettersTest, WhatWasWrittenIsKeptAndTellsWhereItWas) {
  ASSERT_EQ(queues_->Prepare("group", {"trio"}), absl::OkStatus());
  CheckThatAllIsKept("trio");
}

TEST_F(EmbeddedDeadLettersTest, ATopicThatWasNotPreparedIsAnError) {
  kafka::RecordView record;
  record.topic = "trio";
  EXPECT_EQ(testing::ReasonOf(Write(Letter(record))), v1::ERROR_REASON_TOPIC_NOT_FOUND);
}

TEST_F(EmbeddedDeadLettersTest, AnOutageIsOutlivedWithinTheProducersPatience) {
  ASSERT_EQ(queues_->Prepare("group", {"trio"}), absl::OkStatus());
  kafka_->TakeDown();
  kafka::RecordView record;
  record.topic = "trio";
  record.partition = 1;
  testing::Reports reports;
  queues_->Write(Letter(record), [report = reports.For(0)](const absl::Status& status) mutable {
    if (!status.ok()) return report(status);
    report(kafka::Position{});
  });
  EXPECT_FALSE(queues_->Flush(absl::Milliseconds(50)));
  kafka_->BringUp();
  EXPECT_TRUE(queues_->Flush(kTimeout));
  EXPECT_TRUE(reports.Wait(1).at(0).ok());
}

TEST_F(EmbeddedDeadLettersTest, StopFailsWhatIsNotWrittenYet) {
  ASSERT_EQ(queues_->Prepare("group", {"trio"}), absl::OkStatus());
  kafka_->TakeDown();
  kafka::RecordView record;
  record.topic = "trio";
  testing::Reports reports;
  queues_->Write(Letter(record), [report = reports.For(0)](absl::Status status) mutable {
    report(std::move(status));
  });
  queues_->Stop();
  const auto outcome = reports.Wait(1);
  ASSERT_EQ(outcome.size(), 1u);
  EXPECT_FALSE(outcome.at(0).ok());
}

}  // namespace
}  // namespace eventbus
