// The adapter on a real Kafka: EVENTBUS_TEST_KAFKA is its address, EVENTBUS_TEST_KAFKA_DIR the
// directory of tests/kafka/kafka.py's cluster, one node. Fails where either is missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/error.h"
#include "server/rdkafka/client.h"
#include "server/rdkafka/conf.h"
#include "server/rdkafka/handles.h"
#include "tests/integration/rdkafka_fixtures.h"
#include "tests/integration/rdkafka_support.h"

namespace eventbus::rdkafka {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MakeRecord;
using ::testing::Pair;
using testing::ProduceAndWait;
using testing::Reader;
using testing::RealKafkaTest;
using testing::ReasonOf;
using testing::Reports;
using ::testing::SizeIs;

// A foreign producer's transaction with one record, open until Abort.
class Transaction {
 public:
  Transaction(const ClientConfig& config, const std::string& topic) {
    ConfHolder conf(rd_kafka_conf_new());
    const auto set = [&](const char* name, const std::string& value) {
      EXPECT_EQ(rd_kafka_conf_set(conf.get(), name, value.c_str(), nullptr, 0), RD_KAFKA_CONF_OK);
    };
    set("bootstrap.servers", config.bootstrap_servers);
    set("transactional.id", topic);
    client_ = MakeClient(RD_KAFKA_PRODUCER, std::move(conf)).value();
    Check(rd_kafka_init_transactions(client_.get(), kMilliseconds));
    Check(rd_kafka_begin_transaction(client_.get()));
    std::string value = "aborted";
    EXPECT_EQ(rd_kafka_producev(client_.get(), RD_KAFKA_V_TOPIC(topic.c_str()),
                                RD_KAFKA_V_VALUE(value.data(), value.size()),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    EXPECT_EQ(rd_kafka_flush(client_.get(), kMilliseconds), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  void Abort() const { Check(rd_kafka_abort_transaction(client_.get(), kMilliseconds)); }

 private:
  static constexpr int kMilliseconds = 20'000;

  static void Check(rd_kafka_error_t* error) {
    const ErrorHolder holder(error);
    EXPECT_EQ(error, nullptr) << rd_kafka_error_string(error);
  }

  ClientHolder client_;
};

TEST_F(RealKafkaTest, ReadsBackWhatWasWritten) {
  const auto producer = MakeProducer();
  auto record = MakeRecord(topic_, "k", "v");
  record.headers = {{"content-type", "application/json"}, {"empty", ""}, {"content-type", "2"}};
  ASSERT_TRUE(ProduceAndWait(*producer, record).ok());
  testing::ProduceForeign(config_.bootstrap_servers, topic_, nullptr, nullptr);
  const auto factory = MakeFactory();
  Reader reader(*factory);
  reader.Assign({topic_, 0}, 0);
  ASSERT_TRUE(reader.PollUntil([&] { return reader.events.ends[{topic_, 0}] == 2; }));
  ASSERT_THAT(reader.events.records, SizeIs(2));
  EXPECT_EQ(reader.events.records[0].key, "k");
  EXPECT_EQ(reader.events.records[0].value, "v");
  EXPECT_THAT(reader.events.records[0].headers,
              ElementsAre(Pair("content-type", "application/json"), Pair("empty", ""),
                          Pair("content-type", "2")));
  EXPECT_EQ(reader.events.records[1].key, std::nullopt);
  EXPECT_EQ(reader.events.records[1].value, std::nullopt);
  EXPECT_THAT(reader.events.records[1].headers, ElementsAre(Pair("null", std::nullopt)));
  EXPECT_EQ(reader.consumer().CachedEnd({topic_, 0}), 2);
  EXPECT_THAT(reader.events.errors, IsEmpty());
}

// librdkafka 2.0 sleeps up to a second with a full prefetch, whoever takes it: hundreds of times
// here, far longer than the patience of PollUntil.
TEST_F(RealKafkaTest, APrefetchThatWasFullIsFilledAgainAtOnce) {
  constexpr int kRecords = 400;
  const auto producer = MakeProducer();
  Reports reports;
  for (int i = 0; i < kRecords; ++i) {
    auto record = MakeRecord(topic_, "k", std::string(100'000, 'v'));
    auto done = reports.For(i);
    ASSERT_TRUE(producer->Produce(record, done).ok());
  }
  ASSERT_THAT(reports.Wait(kRecords), SizeIs(kRecords));
  const auto factory =
      MakeFactory({{"queued.max.messages.kbytes", "256"}, {"fetch.message.max.bytes", "131072"}});
  Reader reader(*factory);
  reader.Assign({topic_, 0}, 0);
  EXPECT_TRUE(reader.PollUntil([&] { return reader.events.records.size() == kRecords; }))
      << reader.events.records.size();
}

TEST_F(RealKafkaTest, FirstRecordComesAtOnce) {
  Fill(topic_, 1);
  const auto factory = MakeFactory();
  Reader reader(*factory);
  ASSERT_TRUE(reader.consumer().QueryWatermarks({{topic_, 0}}, kTimeout).ok());
  const absl::Time asked = absl::Now();
  reader.Assign({topic_, 0}, 0);
  ASSERT_TRUE(reader.PollForRecords(1));
  RecordProperty("first_record", absl::FormatDuration(absl::Now() - asked));
  EXPECT_LT(absl::Now() - asked, absl::Milliseconds(400));
}

TEST_F(RealKafkaTest, UnknownTopicIsRefusedSoonThenAtOnceUntilItAppears) {
  const std::string missing = NewName();
  const auto producer = MakeProducer();
  absl::Time start = absl::Now();
  auto report = ProduceAndWait(*producer, MakeRecord(missing, "k", "v"));
  EXPECT_EQ(ReasonOf(report.status()), v1::ERROR_REASON_TOPIC_NOT_FOUND) << report.status();
  EXPECT_EQ(GetErrorDetails(report.status()).topic, missing);
  RecordProperty("unknown_topic", absl::FormatDuration(absl::Now() - start));
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));

  auto record = MakeRecord(missing, "k", "v");
  Reports reports;
  auto done = reports.For(0);
  EXPECT_EQ(ReasonOf(producer->Produce(record, done)), v1::ERROR_REASON_TOPIC_NOT_FOUND);
  EXPECT_EQ(record.value, "v");

  ASSERT_TRUE(CreateTopic(missing, 1).ok());
  start = absl::Now();
  while (!report.ok() && absl::Now() - start < kTimeout) {
    report = ProduceAndWait(*producer, record);
  }
  RecordProperty("topic_appears", absl::FormatDuration(absl::Now() - start));
  EXPECT_TRUE(report.ok()) << report.status();
}

TEST_F(RealKafkaTest, TopicsAreWritableOnceCreated) {
  const auto producer = MakeProducer();
  ASSERT_TRUE(ProduceAndWait(*producer, MakeRecord(topic_, "k", "v")).ok());
  for (int i = 0; i < 10; ++i) {
    const std::string fresh = NewName();
    ASSERT_TRUE(CreateTopic(fresh, 3).ok());
    const auto report = ProduceAndWait(*producer, MakeRecord(fresh, "k", "v"));
    EXPECT_TRUE(report.ok()) << report.status();
  }
}

TEST_F(RealKafkaTest, LookUpsAndReadsOfAnUnknownTopicSayNotFound) {
  const std::string missing = NewName();
  const auto factory = MakeFactory();
  Reader reader(*factory);
  const absl::Time start = absl::Now();
  const auto marks = reader.consumer().QueryWatermarks({{missing, 0}}, kTimeout);
  EXPECT_EQ(ReasonOf(marks.status()), v1::ERROR_REASON_TOPIC_NOT_FOUND) << marks.status();
  const auto partition = reader.consumer().QueryWatermarks({{topic_, 0}, {topic_, 1}}, kTimeout);
  EXPECT_EQ(ReasonOf(partition.status()), v1::ERROR_REASON_TOPIC_NOT_FOUND) << partition.status();
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));

  reader.Assign({missing, 0}, 0);
  ASSERT_TRUE(reader.PollUntil([&] { return !reader.events.errors.empty(); }));
  EXPECT_EQ(ReasonOf(reader.events.errors[0]), v1::ERROR_REASON_TOPIC_NOT_FOUND);
  EXPECT_EQ(GetErrorDetails(reader.events.errors[0]).topic, missing);
}

TEST_F(RealKafkaTest, PositionsOutsideTheLogAreLost) {
  Fill(topic_, 10);
  DeleteBefore(topic_, 4);
  const auto factory = MakeFactory();
  Reader reader(*factory);
  const auto marks = reader.consumer().QueryWatermarks({{topic_, 0}}, kTimeout);
  ASSERT_TRUE(marks.ok()) << marks.status();
  EXPECT_EQ((*marks)[0].begin, 4);
  EXPECT_EQ((*marks)[0].end, 10);
  for (const std::int64_t lost : {3, 11}) {
    reader.events.lost.clear();
    reader.Assign({topic_, 0}, lost);
    ASSERT_TRUE(reader.PollUntil([&] { return !reader.events.lost.empty(); }));
    EXPECT_THAT(reader.events.lost, ElementsAre(kafka::TopicPartition{topic_, 0}));
    EXPECT_THAT(reader.events.records, IsEmpty());
  }
  reader.Assign({topic_, 0}, 4);
  ASSERT_TRUE(reader.PollForRecords(6));
  EXPECT_EQ(reader.events.records[0].offset, 4);
}

TEST_F(RealKafkaTest, EndIsWhatReadCommittedShows) {
  Fill(topic_, 2);
  const auto factory = MakeFactory();
  Reader reader(*factory);
  const Transaction transaction(config_, topic_);
  const auto open = reader.consumer().QueryWatermarks({{topic_, 0}}, kTimeout);
  ASSERT_TRUE(open.ok()) << open.status();
  EXPECT_EQ((*open)[0].end, 2);
  reader.Assign({topic_, 0}, 0);
  ASSERT_TRUE(reader.PollUntil([&] { return reader.events.ends[{topic_, 0}] == 2; }));

  transaction.Abort();
  // The aborted record and the marker that aborts it.
  ASSERT_TRUE(reader.PollUntil([&] { return reader.events.ends[{topic_, 0}] == 4; }));
  EXPECT_THAT(reader.events.records, SizeIs(2));
}

TEST_F(RealKafkaTest, OffsetsForTime) {
  Fill(topic_, 3);
  const auto factory = MakeFactory();
  Reader reader(*factory);
  const std::vector<kafka::TopicPartition> partitions = {{topic_, 0}};
  const auto all = reader.consumer().QueryOffsetsForTime(partitions, absl::UnixEpoch(), kTimeout);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_THAT(*all, ElementsAre(0));
  const auto none =
      reader.consumer().QueryOffsetsForTime(partitions, absl::Now() + absl::Hours(1), kTimeout);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_THAT(*none, ElementsAre(-1));
}

TEST_F(RealKafkaTest, ATrickleWakesTheReaderEachTime) {
  constexpr int kRecords = 500;
  const auto factory = MakeFactory();
  Reader reader(*factory);
  ASSERT_TRUE(reader.consumer().QueryWatermarks({{topic_, 0}}, kTimeout).ok());
  reader.Assign({topic_, 0}, 0);
  std::thread writer([&] {
    const auto producer = MakeProducer();
    for (int i = 0; i < kRecords; ++i) {
      ASSERT_TRUE(ProduceAndWait(*producer, MakeRecord(topic_, "k", absl::StrCat(i))).ok());
    }
  });
  EXPECT_TRUE(reader.PollForRecords(kRecords)) << reader.events.records.size();
  writer.join();
}

TEST_F(RealKafkaTest, AssignDropsWhatWasFetched) {
  constexpr int kRecords = 5000;
  Fill(topic_, kRecords);
  const auto factory = MakeFactory();
  Reader reader(*factory);
  for (int round = 0; round < 100; ++round) {
    const std::int64_t start = (round * 7919) % (kRecords - 200);
    reader.events.records.clear();
    reader.Assign({topic_, 0}, start);
    ASSERT_TRUE(reader.PollForRecords(static_cast<std::size_t>(1 + round % 150)));
    std::int64_t expected = start;
    for (const auto& record : reader.events.records) ASSERT_EQ(record.offset, expected++);
  }
}

TEST_F(RealKafkaTest, BrokersLimitIsTooLarge) {
  const auto producer = MakeProducer();
  std::string random(1'200'000, 'x');
  const auto report = ProduceAndWait(*producer, MakeRecord(topic_, "k", random));
  EXPECT_EQ(ReasonOf(report.status()), v1::ERROR_REASON_EVENT_TOO_LARGE) << report.status();
  EXPECT_TRUE(ProduceAndWait(*producer, MakeRecord(topic_, "k", "small")).ok());
}

TEST_F(RealKafkaTest, AdminDescribesAndCreates) {
  EXPECT_TRUE(CreateTopic(topic_, 1).ok());
  const auto cluster = admin_->Describe(kTimeout);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_EQ(cluster->brokers, 1);
  EXPECT_FALSE(cluster->cluster_id.empty());
  EXPECT_EQ(cluster->topics.at(topic_).partitions, 1);
  EXPECT_EQ(cluster->topics.at(topic_).replication_factor, 1);
  const auto config = admin_->DescribeTopicConfig(topic_, kTimeout);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->at("retention.ms"), "10800000");
  EXPECT_EQ(config->count("max.message.bytes"), 1u);
  EXPECT_EQ(ReasonOf(admin_->DescribeTopicConfig(NewName(), kTimeout).status()),
            v1::ERROR_REASON_TOPIC_NOT_FOUND);
  const absl::Status status = admin_->CreateTopic({NewName(), 1, 3, absl::Hours(1)}, kTimeout);
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_KAFKA_UNAVAILABLE) << status;
}

// Needs an authorizer: see CMakeLists.txt.
using AclTest = RealKafkaTest;

TEST_F(AclTest, DeniedTopicIsRefusedWithItsReason) {
  Fill(topic_, 10);
  const auto factory = MakeFactory();
  Reader running(*factory);
  running.Assign({topic_, 0}, 0);
  ASSERT_TRUE(running.PollForRecords(10));
  const auto producer = MakeProducer();
  ASSERT_TRUE(ProduceAndWait(*producer, MakeRecord(topic_, "k", "v")).ok());

  DenyTopic(topic_);
  absl::Time start = absl::Now();
  absl::Status status;
  while (status.ok() && absl::Now() - start < kTimeout) {
    status = ProduceAndWait(*producer, MakeRecord(topic_, "k", "v")).status();
  }
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_PUBLISH_DENIED) << status;
  EXPECT_EQ(GetErrorDetails(status).topic, topic_);
  // A reader that had the topic.
  ASSERT_TRUE(running.PollUntil([&] { return !running.events.errors.empty(); }));
  EXPECT_EQ(ReasonOf(running.events.errors[0]), v1::ERROR_REASON_SUBSCRIBE_DENIED);

  // Clients that never had it.
  start = absl::Now();
  const auto fresh_producer = MakeProducer();
  status = ProduceAndWait(*fresh_producer, MakeRecord(topic_, "k", "v")).status();
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_PUBLISH_DENIED) << status;
  Reader fresh(*factory);
  status = fresh.consumer().QueryWatermarks({{topic_, 0}}, kTimeout).status();
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_SUBSCRIBE_DENIED) << status;
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  EXPECT_EQ(ReasonOf(admin_->DescribeTopicConfig(topic_, kTimeout).status()),
            v1::ERROR_REASON_SUBSCRIBE_DENIED);
}

// Last: they stop the broker.
TEST_F(RealKafkaTest, StoppedBrokerIsUnavailableAndHeals) {
  const auto producer =
      MakeProducer({{"message.timeout.ms", "3000"}, {"request.timeout.ms", "1000"}});
  ASSERT_TRUE(ProduceAndWait(*producer, MakeRecord(topic_, "k", "before")).ok());
  const auto factory = MakeFactory();
  Reader reader(*factory);
  reader.Assign({topic_, 0}, 0);
  ASSERT_TRUE(reader.PollForRecords(1));

  ASSERT_TRUE(Control("stop-node"));
  auto report = ProduceAndWait(*producer, MakeRecord(topic_, "k", "during"));
  EXPECT_EQ(ReasonOf(report.status()), v1::ERROR_REASON_KAFKA_UNAVAILABLE) << report.status();
  EXPECT_TRUE(GetErrorDetails(report.status()).retry_delay.has_value());
  const absl::Time start = absl::Now();
  EXPECT_EQ(ReasonOf(admin_->Describe(absl::Seconds(1)).status()),
            v1::ERROR_REASON_KAFKA_UNAVAILABLE);
  EXPECT_LT(absl::Now() - start, absl::Seconds(3));
  ASSERT_TRUE(Control("start-node"));

  report = ProduceAndWait(*producer, MakeRecord(topic_, "k", "after"));
  EXPECT_TRUE(report.ok()) << report.status();
  ASSERT_TRUE(reader.PollForRecords(2));
  EXPECT_EQ(reader.events.records[1].value, "after");
  EXPECT_THAT(reader.events.errors, IsEmpty());
  EXPECT_THAT(reader.events.lost, IsEmpty());
}

TEST_F(RealKafkaTest, FrozenBrokerLeavesTheOutcomeUnknownAndHeals) {
  const auto producer =
      MakeProducer({{"message.timeout.ms", "3000"}, {"request.timeout.ms", "1000"}});
  ASSERT_TRUE(ProduceAndWait(*producer, MakeRecord(topic_, "k", "before")).ok());
  ASSERT_TRUE(Control("stop-node --signal STOP"));
  auto report = ProduceAndWait(*producer, MakeRecord(topic_, "k", "during"));
  EXPECT_EQ(ReasonOf(report.status()), v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN) << report.status();
  ASSERT_TRUE(Control("stop-node --signal CONT"));
  report = ProduceAndWait(*producer, MakeRecord(topic_, "k", "after"));
  EXPECT_TRUE(report.ok()) << report.status();
}

}  // namespace
}  // namespace eventbus::rdkafka
