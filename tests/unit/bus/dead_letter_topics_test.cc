#include "server/bus/dead_letter_topics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/error.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/manual_executor.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A cluster in memory that counts what it is asked, and may refuse.
class CountingAdmin final : public kafka::Admin {
 public:
  explicit CountingAdmin(fakes::FakeKafka& kafka) : kafka_(kafka) {}

  absl::StatusOr<kafka::ClusterMetadata> Describe(absl::Duration timeout) override {
    ++questions;
    auto cluster = kafka_.Describe(timeout);
    if (cluster.ok() && made_ && hidden_ > 0) {
      --hidden_;
      cluster->topics.erase("events.g.dlq");
    }
    return cluster;
  }
  absl::Status CreateTopic(const kafka::NewTopic& topic, absl::Duration timeout) override {
    ++questions;
    made_ = true;
    return create_error.ok() ? kafka_.CreateTopic(topic, timeout) : create_error;
  }
  absl::StatusOr<std::map<std::string, std::string>> DescribeTopicConfig(
      const std::string& topic, absl::Duration timeout) override {
    ++questions;
    if (!config_error.ok()) return config_error;
    return kafka_.DescribeTopicConfig(topic, timeout);
  }
  absl::StatusOr<kafka::GroupDescription> DescribeGroup(const std::string& group,
                                                        absl::Duration timeout) override {
    return kafka_.DescribeGroup(group, timeout);
  }
  absl::StatusOr<std::map<kafka::TopicPartition, std::int64_t>> QueryEnds(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) override {
    return kafka_.QueryEnds(partitions, timeout);
  }

  // A topic just made is not shown the next `count` times.
  void Hide(int count) { hidden_ = count; }

  int questions = 0;
  absl::Status create_error;
  absl::Status config_error;

 private:
  fakes::FakeKafka& kafka_;
  bool made_ = false;
  int hidden_ = 0;
};

class DeadLetterTopicsTest : public testing::Test {
 protected:
  DeadLetterTopicsTest() {
    kafka_.AddTopic("events", 3);
    kafka_.AddTopic("queries", 6);
    kafka_.SetTopicConfig({{"retention.ms", "-1"}, {"max.message.bytes", "2000000"}});
  }

  absl::Status Prepare(const std::vector<std::string>& topics = {"events"}) {
    return topics_.Prepare("g", topics);
  }
  // What the server hears from Kafka every few seconds.
  void Hear() {
    clock_.Advance(absl::Minutes(1));
    executor_.Run();
  }
  void StartHearing() {
    monitor_.Start([](bool) {});
    executor_.Run();
  }

  fakes::FakeKafka kafka_;
  CountingAdmin admin_{kafka_};
  fakes::ManualClock clock_;
  fakes::ManualExecutor executor_{clock_};
  ClusterMonitor monitor_{kafka_, executor_, clock_, ClusterMonitor::Options()};
  DeadLetterTopics topics_{admin_, monitor_, clock_, {.timeout = absl::Seconds(5)}};
};

TEST_F(DeadLetterTopicsTest, MakesWhatIsMissing) {
  ASSERT_TRUE(Prepare({"events", "queries"}).ok());
  ASSERT_EQ(kafka_.created().size(), 2u);
  EXPECT_EQ(kafka_.created()[0].name, "events.g.dlq");
  EXPECT_EQ(kafka_.created()[0].partitions, 3);
  EXPECT_EQ(kafka_.created()[0].retention, absl::InfiniteDuration());
  EXPECT_EQ(kafka_.created()[0].config.at("max.message.bytes"), "2065536");
  EXPECT_EQ(kafka_.created()[1].name, "queries.g.dlq");
  EXPECT_EQ(kafka_.created()[1].partitions, 6);
}

TEST_F(DeadLetterTopicsTest, WhatIsThereIsLeftAsItIs) {
  kafka_.AddTopic("events.g.dlq", 5);
  EXPECT_TRUE(Prepare().ok());
  EXPECT_THAT(kafka_.created(), IsEmpty());
  EXPECT_EQ(admin_.questions, 1);
}

TEST_F(DeadLetterTopicsTest, WhatWasHeardIsNotAskedFor) {
  StartHearing();
  ASSERT_TRUE(Prepare().ok());
  Hear();
  admin_.questions = 0;
  EXPECT_TRUE(Prepare().ok());
  EXPECT_EQ(admin_.questions, 0);
}

TEST_F(DeadLetterTopicsTest, WhatWasHeardToBeTooSmallIsAskedForOnceMore) {
  kafka_.AddTopic("events.g.dlq", 2);
  StartHearing();
  kafka_.AddTopic("events.g.dlq", 3);
  EXPECT_TRUE(Prepare().ok());
}

TEST_F(DeadLetterTopicsTest, FewerPartitionsThanTheOriginsAreAnError) {
  kafka_.AddTopic("events.g.dlq", 2);
  const absl::Status status = Prepare();
  EXPECT_EQ(GetErrorDetails(status).reason, v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE);
  EXPECT_EQ(status.message(),
            "the dead-letter topic events.g.dlq has 2 partitions, as many as events has are "
            "needed: 3");
}

TEST_F(DeadLetterTopicsTest, ATopicThatIsNotThereIsPassedOver) {
  EXPECT_TRUE(Prepare({"nowhere", "events"}).ok());
  ASSERT_EQ(kafka_.created().size(), 1u);
  EXPECT_EQ(kafka_.created()[0].name, "events.g.dlq");
}

TEST_F(DeadLetterTopicsTest, ARefusalIsToldInKafkasWords) {
  admin_.create_error = MakeError(v1::ERROR_REASON_PUBLISH_DENIED, "creating: denied by policy");
  const absl::Status status = Prepare();
  EXPECT_EQ(GetErrorDetails(status).reason, v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE);
  EXPECT_EQ(status.message(),
            "the dead-letter topic events.g.dlq cannot be made: creating: denied by policy");
}

TEST_F(DeadLetterTopicsTest, AnOutageIsToldAsOne) {
  admin_.create_error = MakeError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away");
  EXPECT_TRUE(absl::IsUnavailable(Prepare()));
  kafka_.SetError(admin_.create_error);
  EXPECT_TRUE(absl::IsUnavailable(Prepare()));
}

TEST_F(DeadLetterTopicsTest, WhereTheOriginsConfigurationIsNotToldItIsThirtyDays) {
  for (const auto reason : {v1::ERROR_REASON_SUBSCRIBE_DENIED, v1::ERROR_REASON_UNSUPPORTED}) {
    admin_.config_error = MakeError(reason, "no");
    ASSERT_TRUE(topics_.Prepare(ReasonName(reason), {"events"}).ok());
    EXPECT_EQ(kafka_.created().back().retention, absl::Hours(24 * 30));
    EXPECT_EQ(kafka_.created().back().config.count("max.message.bytes"), 0u);
  }
}

TEST_F(DeadLetterTopicsTest, AnOriginJustMadeMayHaveNoConfigurationForAMoment) {
  kafka_.HideTopicConfig(3);
  ASSERT_TRUE(Prepare().ok());
  EXPECT_EQ(kafka_.created()[0].config.at("max.message.bytes"), "2065536");
}

TEST_F(DeadLetterTopicsTest, WaitsUntilTheTopicIsShown) {
  admin_.Hide(3);
  EXPECT_TRUE(Prepare().ok());
  // Once before it was made, three times in vain, and once more; its creation and configuration.
  EXPECT_EQ(admin_.questions, 7);
}

TEST_F(DeadLetterTopicsTest, WhatKafkaDoesNotShowIsOfNoUse) {
  admin_.Hide(1'000'000);
  const absl::Time begin = clock_.Now();
  EXPECT_EQ(GetErrorDetails(Prepare()).reason, v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE);
  EXPECT_EQ(clock_.Now() - begin, absl::Seconds(5));
}

TEST_F(DeadLetterTopicsTest, NamesThatWouldBeTooLongAreRefusedBeforeAnythingIsAsked) {
  EXPECT_EQ(GetErrorDetails(topics_.Prepare(std::string(249, 'g'), {"events"})).reason,
            v1::ERROR_REASON_REQUEST_INVALID);
  EXPECT_EQ(admin_.questions, 0);
}

}  // namespace
}  // namespace eventbus::bus
