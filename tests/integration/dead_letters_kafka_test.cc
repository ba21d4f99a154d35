// Dead-letter topics on a real Kafka; see rdkafka_kafka_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "absl/time/clock.h"
#include "tests/integration/dead_letters_fixture.h"

namespace eventbus {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Pair;

class DeadLettersTest : public testing::DeadLettersTest<testing::RealKafkaTest> {
 protected:
  void SetUp() override {
    testing::DeadLettersTest<testing::RealKafkaTest>::SetUp();
    origin_ =
        MakeTopic(NewName(), {{"retention.ms", "7776000000"}, {"max.message.bytes", "6000000"}});
    letters_ = origin_ + ".group.dlq";
  }

  // Returns its name, once Kafka shows it.
  std::string MakeTopic(const std::string& name, std::map<std::string, std::string> config,
                        int partitions = 3) {
    kafka::NewTopic topic;
    topic.name = name;
    topic.partitions = partitions;
    topic.config = std::move(config);
    EXPECT_EQ(admin_->CreateTopic(topic, kTimeout), absl::OkStatus());
    const absl::Time deadline = absl::Now() + kTimeout;
    while (admin_->Describe(kTimeout)->topics.count(name) == 0 && absl::Now() < deadline) {
    }
    return name;
  }

  // Of a topic that may just have been made.
  std::map<std::string, std::string> ConfigOf(const std::string& topic) {
    const absl::Time deadline = absl::Now() + kTimeout;
    auto config = admin_->DescribeTopicConfig(topic, kTimeout);
    while (absl::IsNotFound(config.status()) && absl::Now() < deadline) {
      config = admin_->DescribeTopicConfig(topic, kTimeout);
    }
    return config.value();
  }

  bus::DeadLetter LetterOf(const std::string& value) {
    kafka::RecordView record;
    record.topic = origin_;
    record.value = value;
    return Letter(record);
  }

  std::string origin_;
  std::string letters_;
};

TEST_F(DeadLettersTest, PrepareMakesATopicThatTakesWhatTheOriginTakesAndKeepsItAsLong) {
  ASSERT_EQ(queues_->Prepare("group", {origin_, topic_}), absl::OkStatus());
  const auto cluster = admin_->Describe(kTimeout);
  ASSERT_TRUE(cluster.ok());
  EXPECT_EQ(cluster->topics.at(letters_).partitions, 3);
  EXPECT_EQ(cluster->topics.at(letters_).replication_factor, 1);
  EXPECT_THAT(ConfigOf(letters_), IsSupersetOf({Pair("retention.ms", "7776000000"),
                                                Pair("max.message.bytes", "6065536"),
                                                Pair("cleanup.policy", "delete")}));
  // That of three hours is kept for thirty days.
  EXPECT_THAT(
      ConfigOf(topic_ + ".group.dlq"),
      IsSupersetOf({Pair("retention.ms", "2592000000"), Pair("max.message.bytes", "1114124")}));
  EXPECT_EQ(queues_->Prepare("group", {origin_, topic_}), absl::OkStatus());
}

TEST_F(DeadLettersTest, ForEverStaysForEver) {
  const std::string origin = MakeTopic(NewName(), {{"retention.ms", "-1"}});
  ASSERT_EQ(queues_->Prepare("group", {origin}), absl::OkStatus());
  EXPECT_THAT(ConfigOf(origin + ".group.dlq"), Contains(Pair("retention.ms", "-1")));
}

TEST_F(DeadLettersTest, ATopicWithFewerPartitionsIsNoneForThisOrigin) {
  MakeTopic(letters_, {}, 2);
  const absl::Status status = queues_->Prepare("group", {origin_});
  EXPECT_EQ(testing::ReasonOf(status), v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE);
  EXPECT_THAT(std::string(status.message()), HasSubstr("has 2 partitions"));
}

TEST_F(DeadLettersTest, WhatWasWrittenIsKeptAndTellsWhereItWas) {
  ASSERT_EQ(queues_->Prepare("group", {origin_}), absl::OkStatus());
  CheckThatAllIsKept(origin_);
}

TEST_F(DeadLettersTest, ARecordLargerThanEventsMayBeIsWritten) {
  ASSERT_EQ(queues_->Prepare("group", {origin_}), absl::OkStatus());
  const std::string value(5'999'000, 'v');
  ASSERT_EQ(Write(LetterOf(value)), absl::OkStatus());
  const auto records = Read(letters_, 0, 1);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].value, value);
}

// Which nothing makes smaller.
std::string Noise(std::size_t size) {
  std::mt19937 random(1);
  std::string noise(size, ' ');
  for (char& each : noise) each = static_cast<char>(random());
  return noise;
}

TEST_F(DeadLettersTest, ManySmallLettersAreNoLargeOne) {
  MakeTopic(letters_, {{"max.message.bytes", "1000"}});
  ASSERT_EQ(queues_->Prepare("group", {origin_}), absl::OkStatus());
  const std::vector<bus::DeadLetter> letters(50, LetterOf(Noise(300)));
  EXPECT_THAT(Write(letters), Each(absl::OkStatus()));
  EXPECT_EQ(testing::ReasonOf(Write(LetterOf(Noise(1000)))), v1::ERROR_REASON_EVENT_TOO_LARGE);
}

// Its producer may have compressed it, and Kafka measures what it is sent.
TEST_F(DeadLettersTest, ARecordThatIsOnlySmallCompressedIsWritten) {
  MakeTopic(letters_, {{"max.message.bytes", "100000"}});
  ASSERT_EQ(queues_->Prepare("group", {origin_}), absl::OkStatus());
  EXPECT_EQ(Write(LetterOf(std::string(1'000'000, 'v'))), absl::OkStatus());
}

TEST_F(DeadLettersTest, APartitionThatTheTopicLacksIsNotFound) {
  ASSERT_EQ(queues_->Prepare("group", {origin_}), absl::OkStatus());
  kafka::RecordView record;
  record.topic = origin_;
  record.partition = 3;
  EXPECT_EQ(testing::ReasonOf(Write(Letter(record))), v1::ERROR_REASON_TOPIC_NOT_FOUND);
}

// Needs an authorizer: see CMakeLists.txt.
using DeadLettersAclTest = DeadLettersTest;

TEST_F(DeadLettersAclTest, ATopicThatMayBeMadeButNotUsedIsNone) {
  DenyTopic(letters_);
  bus::DeadLetterTopics topics(*admin_, *monitor_, Clock::System(), {.timeout = absl::Seconds(2)});
  const absl::Status status = topics.Prepare("group", {origin_});
  EXPECT_EQ(testing::ReasonOf(status), v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE) << status;
}

// Last: nobody makes a topic after it.
TEST_F(DeadLettersAclTest, WhereTheTopicMayNotBeMadeKafkaSaysWhy) {
  DenyTopic(letters_);
  DenyCreation();
  const absl::Status status = queues_->Prepare("group", {origin_});
  EXPECT_EQ(testing::ReasonOf(status), v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("TOPIC_AUTHORIZATION_FAILED"));
}

}  // namespace
}  // namespace eventbus
