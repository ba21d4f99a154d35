#include "tests/integration/rdkafka_fixtures.h"

#include <cstdlib>
#include <random>

#include "absl/strings/str_cat.h"
#include "server/rdkafka/conf.h"
#include "server/rdkafka/handles.h"
#include "tests/integration/rdkafka_support.h"

namespace eventbus::testing {
namespace {

using rdkafka::ClientHolder;
using rdkafka::EventHolder;
using rdkafka::PartitionsHolder;
using rdkafka::QueueHolder;

constexpr int kMilliseconds = 20'000;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

ClientHolder MakeAdminClient(const rdkafka::ClientConfig& config) {
  return rdkafka::MakeClient(RD_KAFKA_PRODUCER, rdkafka::MakeAdminConf(config).value()).value();
}

struct Rule {
  rd_kafka_ResourceType_t type;
  std::string name;
  rd_kafka_AclOperation_t operation = RD_KAFKA_ACL_OPERATION_ALL;
  rd_kafka_AclPermissionType_t permission = RD_KAFKA_ACL_PERMISSION_TYPE_DENY;
};

// For everybody.
void AddRule(const rdkafka::ClientConfig& config, const Rule& rule) {
  const ClientHolder client = MakeAdminClient(config);
  rd_kafka_AclBinding_t* request[] = {
      rd_kafka_AclBinding_new(rule.type, rule.name.c_str(), RD_KAFKA_RESOURCE_PATTERN_LITERAL,
                              "User:*", "*", rule.operation, rule.permission, nullptr, 0)};
  const QueueHolder queue(rd_kafka_queue_new(client.get()));
  rd_kafka_CreateAcls(client.get(), request, 1, nullptr, queue.get());
  rd_kafka_AclBinding_destroy(request[0]);
  const EventHolder answer(rd_kafka_queue_poll(queue.get(), kMilliseconds));
  ASSERT_NE(answer, nullptr);
  std::size_t count = 0;
  const rd_kafka_acl_result_t** results =
      rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(answer.get()), &count);
  ASSERT_EQ(count, 1u) << rd_kafka_event_error_string(answer.get());
  ASSERT_EQ(rd_kafka_acl_result_error(results[0]), nullptr);
}

}  // namespace

rdkafka::ClientConfig KafkaTest::ConfigWith(const rdkafka::Properties& properties) const {
  rdkafka::ClientConfig config = config_;
  config.properties = properties;
  return config;
}

std::unique_ptr<kafka::Producer> KafkaTest::MakeProducer(const rdkafka::Properties& properties) {
  return rdkafka::MakeProducer(ConfigWith(properties)).value();
}

std::unique_ptr<kafka::ConsumerFactory> KafkaTest::MakeFactory(
    const rdkafka::Properties& properties) {
  return rdkafka::MakeConsumerFactory(ConfigWith(properties)).value();
}

void KafkaTest::Fill(const std::string& topic, int count, int first, const std::string& key) {
  Reports reports;
  const auto producer = MakeProducer();
  for (int i = 0; i < count; ++i) {
    auto record = MakeRecord(topic, key, absl::StrCat(first + i));
    auto done = reports.For(i);
    ASSERT_TRUE(producer->Produce(record, done).ok());
  }
  ASSERT_TRUE(producer->Flush(kTimeout));
  for (const auto& [i, report] : reports.Wait(static_cast<std::size_t>(count))) {
    ASSERT_TRUE(report.ok()) << report.status();
  }
}

EmbeddedKafkaTest::EmbeddedKafkaTest() : kafka_(rdkafka::EmbeddedKafka::Start().value()) {
  config_.bootstrap_servers = kafka_->bootstrap_servers();
  config_.embedded = kafka_.get();
  EXPECT_TRUE(kafka_->CreateTopic("events", 1).ok());
  EXPECT_TRUE(kafka_->CreateTopic("trio", 3).ok());
  EXPECT_TRUE(kafka_->CreateTopic("wide", 12).ok());
}

void RealKafkaTest::SetUp() {
  config_.bootstrap_servers = Environment("EVENTBUS_TEST_KAFKA");
  ASSERT_FALSE(config_.bootstrap_servers.empty())
      << "run me as: tests/kafka/kafka.py run -- this test";
  admin_ = rdkafka::MakeAdmin(config_).value();
  topic_ = NewName();
  ASSERT_TRUE(CreateTopic(topic_, 1).ok());
}

std::string RealKafkaTest::NewName() { return absl::StrCat("test-", std::random_device()()); }

absl::Status RealKafkaTest::CreateTopic(const std::string& name, int partitions) {
  return admin_->CreateTopic({name, partitions, 1, absl::Hours(3)}, kTimeout);
}

bool RealKafkaTest::Control(const std::string& verb) {
  return std::system(absl::StrCat("python3 '", EVENTBUS_KAFKA_PY, "' ", verb, " --dir '",
                                  Environment("EVENTBUS_TEST_KAFKA_DIR"), "' --node 1 >&2")
                         .c_str()) == 0;
}

void RealKafkaTest::DeleteBefore(const std::string& topic, std::int64_t offset) {
  const ClientHolder client = MakeAdminClient(config_);
  const PartitionsHolder list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 0)->offset = offset;
  rd_kafka_DeleteRecords_t* request[] = {rd_kafka_DeleteRecords_new(list.get())};
  const QueueHolder queue(rd_kafka_queue_new(client.get()));
  rd_kafka_DeleteRecords(client.get(), request, 1, nullptr, queue.get());
  rd_kafka_DeleteRecords_destroy(request[0]);
  const EventHolder answer(rd_kafka_queue_poll(queue.get(), kMilliseconds));
  ASSERT_NE(answer, nullptr);
  ASSERT_EQ(rd_kafka_event_error(answer.get()), RD_KAFKA_RESP_ERR_NO_ERROR)
      << rd_kafka_event_error_string(answer.get());
}

void RealKafkaTest::DenyTopic(const std::string& topic) {
  AddRule(config_, {RD_KAFKA_RESOURCE_TOPIC, topic});
}

void RealKafkaTest::DenyCreation() {
  Rule rule{RD_KAFKA_RESOURCE_BROKER, "kafka-cluster"};
  // What no rule names is allowed only as long as there is none.
  rule.permission = RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW;
  AddRule(config_, rule);
  rule.operation = RD_KAFKA_ACL_OPERATION_CREATE;
  rule.permission = RD_KAFKA_ACL_PERMISSION_TYPE_DENY;
  AddRule(config_, rule);
}

void RealKafkaTest::DenyGroup(const std::string& group) {
  AddRule(config_, {RD_KAFKA_RESOURCE_GROUP, group});
}

}  // namespace eventbus::testing
