// The adapter on the embedded Kafka.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/error.h"
#include "server/rdkafka/client.h"
#include "server/rdkafka/producer.h"
#include "tests/integration/rdkafka_fixtures.h"
#include "tests/integration/rdkafka_support.h"

namespace eventbus::rdkafka {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using testing::EmbeddedKafkaTest;
using ::testing::IsEmpty;
using testing::MakeRecord;
using ::testing::Pair;
using testing::ProduceAndWait;
using testing::Reader;
using testing::ReasonOf;
using testing::Reports;
using ::testing::SizeIs;

TEST_F(EmbeddedKafkaTest, ReadsBackWhatWasWritten) {
  const auto producer = MakeProducer();
  auto record = MakeRecord("events", "k", "v");
  record.headers = {{"content-type", "application/json"}, {"empty", ""}, {"content-type", "2"}};
  const auto position = ProduceAndWait(*producer, record);
  ASSERT_TRUE(position.ok()) << position.status();
  EXPECT_EQ(position->partition, 0);
  EXPECT_EQ(position->offset, 0);

  const auto factory = MakeFactory();
  Reader reader(*factory);
  reader.Assign({"events", 0}, 0);
  ASSERT_TRUE(reader.PollUntil([&] { return !reader.events.ends.empty(); }));
  ASSERT_THAT(reader.events.records, SizeIs(1));
  const auto& read = reader.events.records[0];
  EXPECT_EQ(read.key, "k");
  EXPECT_EQ(read.value, "v");
  EXPECT_THAT(read.headers, ElementsAre(Pair("content-type", "application/json"), Pair("empty", ""),
                                        Pair("content-type", "2")));
  EXPECT_NEAR(static_cast<double>(read.timestamp_ms),
              static_cast<double>(absl::ToUnixMillis(absl::Now())), 60'000);
  EXPECT_THAT(reader.events.ends, ElementsAre(Pair(kafka::TopicPartition{"events", 0}, 1)));
  EXPECT_EQ(reader.consumer().CachedEnd({"events", 0}), 1);
  EXPECT_THAT(reader.events.errors, IsEmpty());
}

TEST_F(EmbeddedKafkaTest, NullsAreNotEmptyStrings) {
  const std::string& servers = kafka_->bootstrap_servers();
  testing::ProduceForeign(servers, "events", nullptr, nullptr);
  testing::ProduceForeign(servers, "events", "", "");
  const auto factory = MakeFactory();
  Reader reader(*factory);
  reader.Assign({"events", 0}, 0);
  ASSERT_TRUE(reader.PollForRecords(2));
  EXPECT_EQ(reader.events.records[0].key, std::nullopt);
  EXPECT_EQ(reader.events.records[0].value, std::nullopt);
  EXPECT_THAT(reader.events.records[0].headers, ElementsAre(Pair("null", std::nullopt)));
  EXPECT_EQ(reader.events.records[1].key, "");
  EXPECT_EQ(reader.events.records[1].value, "");
}

TEST_F(EmbeddedKafkaTest, FirstRecordComesAtOnce) {
  Fill("events", 1);
  const auto factory = MakeFactory();
  Reader reader(*factory);
  ASSERT_TRUE(reader.consumer().QueryWatermarks({{"events", 0}}, kTimeout).ok());
  const absl::Time asked = absl::Now();
  reader.Assign({"events", 0}, 0);
  ASSERT_TRUE(reader.PollForRecords(1));
  // Half a second without the look-up.
  EXPECT_LT(absl::Now() - asked, absl::Milliseconds(400));
}

TEST_F(EmbeddedKafkaTest, UnknownTopicIsRefusedAtOnceUntilItAppears) {
  const auto producer = MakeProducer();
  auto record = MakeRecord("missing", "k", "v");
  Reports reports;
  auto done = reports.For(0);
  const absl::Status refused = producer->Produce(record, done);
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_TOPIC_NOT_FOUND);
  EXPECT_EQ(GetErrorDetails(refused).topic, "missing");
  EXPECT_EQ(record.value, "v");
  EXPECT_TRUE(done);

  ASSERT_TRUE(kafka_->CreateTopic("missing", 1).ok());
  const auto report = ProduceAndWait(*producer, record);
  EXPECT_TRUE(report.ok()) << report.status();
}

TEST_F(EmbeddedKafkaTest, PositionsOutsideTheLogAreLost) {
  Fill("events", 3);
  const auto factory = MakeFactory();
  Reader reader(*factory);
  reader.Assign({"events", 0}, 4);
  ASSERT_TRUE(reader.PollUntil([&] { return !reader.events.lost.empty(); }));
  EXPECT_THAT(reader.events.lost, ElementsAre(kafka::TopicPartition{"events", 0}));
  EXPECT_THAT(reader.events.records, IsEmpty());

  reader.Assign({"events", 0}, 1);
  ASSERT_TRUE(reader.PollForRecords(2));
  EXPECT_EQ(reader.events.records[0].offset, 1);
}

TEST_F(EmbeddedKafkaTest, WatermarksComeInTheOrderOfTheArguments) {
  Fill("events", 5);
  const auto factory = MakeFactory();
  Reader reader(*factory);
  const auto marks =
      reader.consumer().QueryWatermarks({{"wide", 7}, {"events", 0}, {"wide", 3}}, kTimeout);
  ASSERT_TRUE(marks.ok()) << marks.status();
  ASSERT_THAT(*marks, SizeIs(3));
  EXPECT_EQ((*marks)[0].end, 0);
  EXPECT_EQ((*marks)[1].begin, 0);
  EXPECT_EQ((*marks)[1].end, 5);
  EXPECT_EQ((*marks)[2].end, 0);
}

TEST_F(EmbeddedKafkaTest, LookUpsOfAnUnknownTopicSayNotFound) {
  const auto factory = MakeFactory();
  Reader reader(*factory);
  const auto topic = reader.consumer().QueryWatermarks({{"missing", 0}}, kTimeout);
  EXPECT_EQ(ReasonOf(topic.status()), v1::ERROR_REASON_TOPIC_NOT_FOUND) << topic.status();
  const auto partition =
      reader.consumer().QueryWatermarks({{"events", 0}, {"events", 1}}, kTimeout);
  EXPECT_EQ(ReasonOf(partition.status()), v1::ERROR_REASON_TOPIC_NOT_FOUND) << partition.status();
}

TEST_F(EmbeddedKafkaTest, ReadingAnUnknownTopicSaysNotFound) {
  const auto factory = MakeFactory();
  Reader reader(*factory);
  EXPECT_EQ(ReasonOf(reader.consumer().Assign({{{"missing", 0}, 0}})),
            v1::ERROR_REASON_TOPIC_NOT_FOUND);
  reader.Assign({"events", 7}, 0);
  ASSERT_TRUE(reader.PollUntil([&] { return !reader.events.errors.empty(); }));
  EXPECT_EQ(ReasonOf(reader.events.errors[0]), v1::ERROR_REASON_TOPIC_NOT_FOUND)
      << reader.events.errors[0];
}

TEST_F(EmbeddedKafkaTest, OffsetsForTimeAreUnsupported) {
  const auto factory = MakeFactory();
  Reader reader(*factory);
  EXPECT_EQ(
      ReasonOf(
          reader.consumer().QueryOffsetsForTime({{"events", 0}}, absl::Now(), kTimeout).status()),
      v1::ERROR_REASON_UNSUPPORTED);
}

TEST_F(EmbeddedKafkaTest, ATrickleWakesTheReaderEachTime) {
  constexpr int kRecords = 300;
  const auto factory = MakeFactory();
  Reader reader(*factory);
  ASSERT_TRUE(reader.consumer().QueryWatermarks({{"events", 0}}, kTimeout).ok());
  reader.Assign({"events", 0}, 0);
  std::thread writer([&] {
    const auto producer = MakeProducer();
    for (int i = 0; i < kRecords; ++i) {
      ASSERT_TRUE(ProduceAndWait(*producer, MakeRecord("events", "k", absl::StrCat(i))).ok());
    }
  });
  EXPECT_TRUE(reader.PollForRecords(kRecords)) << reader.events.records.size();
  writer.join();
}

TEST_F(EmbeddedKafkaTest, AssignDropsWhatWasFetched) {
  constexpr int kRecords = 5000;
  Fill("events", kRecords);
  const auto factory = MakeFactory();
  Reader reader(*factory);
  for (int round = 0; round < 100; ++round) {
    const std::int64_t start = (round * 7919) % (kRecords - 200);
    reader.events.records.clear();
    reader.Assign({"events", 0}, start);
    ASSERT_TRUE(reader.PollForRecords(static_cast<std::size_t>(1 + round % 150)));
    std::int64_t expected = start;
    for (const auto& record : reader.events.records) ASSERT_EQ(record.offset, expected++);
  }
  reader.events.records.clear();
  ASSERT_TRUE(reader.consumer().Assign({}).ok());
  reader.consumer().Poll(1000, reader.events);
  EXPECT_THAT(reader.events.records, IsEmpty());
}

// librdkafka aborts where a partition is taken away a second time while the first is under way.
TEST_F(EmbeddedKafkaTest, AssignsAnewWhatStillStops) {
  Fill("wide", 10);
  const auto factory = MakeFactory();
  Reader reader(*factory);
  std::vector<kafka::StartOffset> all;
  for (int i = 0; i < 12; ++i) all.push_back({{"wide", i}, 0});
  for (int round = 0; round < 20; ++round) {
    reader.events.records.clear();
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(reader.consumer().Assign(all).ok());
    ASSERT_TRUE(reader.PollForRecords(10));
  }
}

TEST_F(EmbeddedKafkaTest, EndsWhileAPartitionStops) {
  Fill("events", 10);
  const auto factory = MakeFactory();
  for (int round = 0; round < 50; ++round) {
    Reader reader(*factory);
    reader.Assign({"events", 0}, 0);
    ASSERT_TRUE(reader.PollForRecords(1));
    reader.Assign({"events", 0}, 5);
  }
}

// What Java's and kafka-python's producers choose of 12 partitions.
TEST_F(EmbeddedKafkaTest, PartitionIsJavasChoice) {
  const std::map<std::string, int> kExpected = {
      {"", 9},
      {"21", 0},
      {"foobar", 6},
      {"abc", 3},
      {"a-little-bit-long-string", 8},
      {"a-little-bit-longer-string", 11},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 5},
      {"550e8400-e29b-41d4-a716-446655440000", 11}};
  const auto producer = MakeProducer();
  for (const auto& [key, partition] : kExpected) {
    const auto position = ProduceAndWait(*producer, MakeRecord("wide", key, "v"));
    ASSERT_TRUE(position.ok()) << position.status();
    EXPECT_EQ(position->partition, partition) << key;
  }
}

TEST_F(EmbeddedKafkaTest, FullQueueRefusesAndKeepsTheRecord) {
  Reports reports;
  const auto producer = MakeProducer({{"queue.buffering.max.messages", "10"}});
  kafka_->TakeDown();
  absl::Status status;
  int taken = 0;
  for (; taken < 100; ++taken) {
    auto record = MakeRecord("events", "k", "a value that is not short enough to be kept inside");
    auto done = reports.For(taken);
    status = producer->Produce(record, done);
    if (!status.ok()) {
      EXPECT_EQ(record.value, "a value that is not short enough to be kept inside");
      EXPECT_TRUE(done);
      break;
    }
  }
  EXPECT_EQ(taken, 10);
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_PUBLISH_QUEUE_FULL);
  EXPECT_TRUE(GetErrorDetails(status).retry_delay.has_value());
}

TEST_F(EmbeddedKafkaTest, TooLargeIsRefusedAtOnce) {
  const auto producer = MakeProducer();
  auto record = MakeRecord("events", "k", std::string(3 << 20, 'x'));
  Reports reports;
  auto done = reports.For(0);
  EXPECT_EQ(ReasonOf(producer->Produce(record, done)), v1::ERROR_REASON_EVENT_TOO_LARGE);
  EXPECT_EQ(record.value->size(), 3u << 20);
}

TEST_F(EmbeddedKafkaTest, OutageIsReportedAndHeals) {
  const auto producer = MakeProducer({{"message.timeout.ms", "2000"}});
  ASSERT_TRUE(ProduceAndWait(*producer, MakeRecord("events", "k", "before")).ok());
  const auto factory = MakeFactory();
  Reader reader(*factory);
  reader.Assign({"events", 0}, 0);
  ASSERT_TRUE(reader.PollForRecords(1));

  kafka_->TakeDown();
  const auto away = ProduceAndWait(*producer, MakeRecord("events", "k", "during"));
  EXPECT_EQ(ReasonOf(away.status()), v1::ERROR_REASON_KAFKA_UNAVAILABLE) << away.status();
  EXPECT_TRUE(GetErrorDetails(away.status()).retry_delay.has_value());

  kafka_->BringUp();
  const auto after = ProduceAndWait(*producer, MakeRecord("events", "k", "after"));
  EXPECT_TRUE(after.ok()) << after.status();
  EXPECT_TRUE(reader.PollForRecords(2));
  EXPECT_EQ(reader.events.records[1].value, "after");
  EXPECT_THAT(reader.events.errors, IsEmpty());
}

TEST_F(EmbeddedKafkaTest, UnansweredRecordsAreOfUnknownOutcome) {
  const auto producer = MakeProducer({{"message.timeout.ms", "1500"}});
  ASSERT_TRUE(ProduceAndWait(*producer, MakeRecord("events", "k", "before")).ok());
  kafka_->SetRoundTripTime(5000);
  const auto report = ProduceAndWait(*producer, MakeRecord("events", "k", "v"));
  EXPECT_EQ(ReasonOf(report.status()), v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN) << report.status();
  kafka_->SetRoundTripTime(0);
}

TEST_F(EmbeddedKafkaTest, KafkasRefusalsHaveTheirReasons) {
  const auto producer = MakeProducer();
  ASSERT_TRUE(ProduceAndWait(*producer, MakeRecord("events", "k", "before")).ok());
  kafka_->FailProduce(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
  auto report = ProduceAndWait(*producer, MakeRecord("events", "k", "v"));
  EXPECT_EQ(ReasonOf(report.status()), v1::ERROR_REASON_EVENT_TOO_LARGE) << report.status();
  // librdkafka tries again by itself.
  kafka_->FailProduce(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 1);
  report = ProduceAndWait(*producer, MakeRecord("events", "k", "v"));
  EXPECT_TRUE(report.ok()) << report.status();
  kafka_->FailProduce(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
  report = ProduceAndWait(*producer, MakeRecord("events", "k", "v"));
  EXPECT_EQ(ReasonOf(report.status()), v1::ERROR_REASON_PUBLISH_DENIED) << report.status();
  // Refused at once for a while, and taken again once the metadata says that it may.
  const absl::Time start = absl::Now();
  while (!report.ok() && absl::Now() - start < kTimeout) {
    EXPECT_EQ(ReasonOf(report.status()), v1::ERROR_REASON_PUBLISH_DENIED) << report.status();
    report = ProduceAndWait(*producer, MakeRecord("events", "k", "v"));
  }
  EXPECT_TRUE(report.ok()) << report.status();
}

TEST_F(EmbeddedKafkaTest, FatalErrorReportsWhatIsHeldAndHeals) {
  Reports reports;
  auto producer = Producer::Make(config_).value();
  ASSERT_TRUE(ProduceAndWait(*producer, MakeRecord("events", "k", "before")).ok());
  kafka_->SetRoundTripTime(1000);
  for (int i = 0; i < 10; ++i) {
    auto record = MakeRecord("events", "k", "held");
    auto done = reports.For(i);
    ASSERT_TRUE(producer->Produce(record, done).ok());
  }
  producer->InjectFatalError();
  const auto held = reports.Wait(10);
  ASSERT_THAT(held, SizeIs(10));
  for (const auto& [id, report] : held) {
    // The latter where it had been sent already.
    EXPECT_THAT(ReasonOf(report.status()),
                AnyOf(v1::ERROR_REASON_KAFKA_UNAVAILABLE, v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN))
        << report.status();
  }
  kafka_->SetRoundTripTime(0);
  absl::StatusOr<kafka::Position> after = absl::UnknownError("not tried");
  const absl::Time start = absl::Now();
  while (!after.ok() && absl::Now() - start < kTimeout) {
    after = ProduceAndWait(*producer, MakeRecord("events", "k", "after"));
  }
  EXPECT_TRUE(after.ok()) << after.status();
}

TEST_F(EmbeddedKafkaTest, DestructorReportsWhatIsLeft) {
  Reports reports;
  auto producer = MakeProducer();
  kafka_->TakeDown();
  for (int i = 0; i < 10; ++i) {
    auto record = MakeRecord("events", "k", "left");
    auto done = reports.For(i);
    ASSERT_TRUE(producer->Produce(record, done).ok());
  }
  EXPECT_FALSE(producer->Flush(absl::Milliseconds(50)));
  const absl::Time start = absl::Now();
  producer.reset();
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  const auto left = reports.Wait(10);
  ASSERT_THAT(left, SizeIs(10));
  for (const auto& [id, report] : left) {
    EXPECT_EQ(ReasonOf(report.status()), v1::ERROR_REASON_KAFKA_UNAVAILABLE);
  }
}

TEST_F(EmbeddedKafkaTest, AdminDescribesAndCreates) {
  const auto admin = MakeAdmin(config_).value();
  const absl::Status created = admin->CreateTopic({"fresh", 4, 1, absl::Hours(1)}, kTimeout);
  EXPECT_TRUE(created.ok()) << created;
  EXPECT_TRUE(admin->CreateTopic({"fresh", 4, 1, absl::Hours(1)}, kTimeout).ok());
  const auto cluster = admin->Describe(kTimeout);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_EQ(cluster->brokers, 1);
  EXPECT_FALSE(cluster->cluster_id.empty());
  EXPECT_EQ(cluster->topics.at("fresh").partitions, 4);
  EXPECT_EQ(cluster->topics.at("events").replication_factor, 1);
  EXPECT_EQ(ReasonOf(admin->DescribeTopicConfig("fresh", kTimeout).status()),
            v1::ERROR_REASON_UNSUPPORTED);
  EXPECT_EQ(ReasonOf(admin->DescribeGroup("a-group", kTimeout).status()),
            v1::ERROR_REASON_UNSUPPORTED);
}

TEST_F(EmbeddedKafkaTest, AdminSaysInTimeThatKafkaIsAway) {
  const auto admin = MakeAdmin(config_).value();
  ASSERT_TRUE(admin->Describe(kTimeout).ok());
  kafka_->TakeDown();
  const absl::Time start = absl::Now();
  const auto away = admin->Describe(absl::Milliseconds(500));
  EXPECT_EQ(ReasonOf(away.status()), v1::ERROR_REASON_KAFKA_UNAVAILABLE) << away.status();
  EXPECT_LT(absl::Now() - start, absl::Seconds(2));
  kafka_->BringUp();
  EXPECT_TRUE(admin->Describe(kTimeout).ok());
}

}  // namespace
}  // namespace eventbus::rdkafka
