#include "server/rdkafka/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "server/rdkafka/conf.h"

namespace eventbus::rdkafka {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// What `property` is refused with; empty: it is taken.
std::string Refusal(const std::string& property) {
  return Message(MakeClientConfig("localhost:1", "", {property}).status());
}

std::string ValueIn(rd_kafka_conf_t* conf, const char* name) {
  char value[256] = "";
  std::size_t size = sizeof value;
  EXPECT_EQ(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK) << name;
  return value;
}

TEST(ParsePropertiesTest, ReadsKeysAndValues) {
  const auto properties = ParseProperties("kafka.conf",
                                          "# how to log in\n"
                                          "\n"
                                          "  sasl.username = me \r\n"
                                          "sasl.password=a=b#c\n"
                                          "linger.ms=1\n"
                                          "linger.ms=2");
  ASSERT_TRUE(properties.ok()) << properties.status();
  EXPECT_THAT(*properties, ElementsAre(Pair("linger.ms", "2"), Pair("sasl.password", "a=b#c"),
                                       Pair("sasl.username", "me")));
}

TEST(ParsePropertiesTest, RefusalNamesTheLineAndKeepsTheSecret) {
  const auto properties = ParseProperties("kafka.conf", "a=b\nsecret\n");
  EXPECT_EQ(properties.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Message(properties.status()), "kafka.conf:2: must be key=value");
  EXPECT_FALSE(ParseProperties("kafka.conf", "=b").ok());
}

TEST(MakeClientConfigTest, OverridesWinOverTheFile) {
  const std::string path = ::testing::TempDir() + "eventbus_config_test.conf";
  std::ofstream(path) << "linger.ms=1\nsocket.timeout.ms=1000\n";
  const auto config = MakeClientConfig("a:1,b:2", path, {"linger.ms=7"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->bootstrap_servers, "a:1,b:2");
  EXPECT_THAT(config->properties,
              ElementsAre(Pair("linger.ms", "7"), Pair("socket.timeout.ms", "1000")));
}

TEST(MakeClientConfigTest, MissingFileIsNamed) {
  const auto config = MakeClientConfig("a:1", "/nowhere/kafka.conf", {});
  EXPECT_THAT(Message(config.status()), HasSubstr("/nowhere/kafka.conf: cannot be read"));
}

TEST(MakeClientConfigTest, RefusesWhatLibrdkafkaDoesNotKnow) {
  EXPECT_THAT(Refusal("no.such.property=1"), HasSubstr("no.such.property"));
  EXPECT_THAT(Refusal("linger.ms=soon"), HasSubstr("linger.ms"));
  EXPECT_THAT(Refusal("message.timeout.ms=-5"), HasSubstr("message.timeout.ms"));
}

TEST(MakeClientConfigTest, RefusesBadCombinationsAndFilesAtOnce) {
  EXPECT_THAT(Refusal("max.in.flight=6"), HasSubstr("max.in.flight"));
  const auto config = MakeClientConfig(
      "localhost:1", "", {"security.protocol=ssl", "ssl.ca.location=/nowhere/ca.pem"});
  EXPECT_THAT(Message(config.status()), HasSubstr("ssl.ca.location"));
}

TEST(MakeClientConfigTest, RefusesWhatBreaksAPromise) {
  for (const char* property : {"acks=1",
                               "acks=0",
                               "request.required.acks=1",
                               "enable.idempotence=false",
                               "transactional.id=x",
                               "group.id=x",
                               "group.instance.id=x",
                               "auto.offset.reset=earliest",
                               "enable.auto.commit=true",
                               "auto.commit.enable=true",
                               "enable.auto.offset.store=true",
                               "partitioner=consistent_random",
                               "delivery.report.only.error=true",
                               "isolation.level=read_uncommitted",
                               "bootstrap.servers=x:1",
                               "metadata.broker.list=x:1",
                               "test.mock.num.brokers=1",
                               "enable.partition.eof=false",
                               "allow.auto.create.topics=true",
                               "partition.assignment.strategy=range,cooperative-sticky",
                               "group.protocol=consumer",
                               "enabled_events=1",
                               "queuing.strategy=lifo",
                               "client.id=x"}) {
    const std::string name(property, std::string(property).find('='));
    EXPECT_THAT(Refusal(property), HasSubstr("Kafka property " + name + ": was '")) << property;
  }
}

TEST(MakeClientConfigTest, RefusalSaysWhatIsAllowedAndWhy) {
  EXPECT_EQ(Refusal("acks=1"),
            "Kafka property acks: was '1', allowed: all or -1: OK to Publish means that every "
            "in-sync replica has the event");
  EXPECT_THAT(Refusal("group.id=g"), HasSubstr("it may not be set"));
}

TEST(MakeClientConfigTest, TakesAPromisesOwnValue) {
  for (const char* property :
       {"acks=all", "acks=-1", "enable.idempotence=true", "partitioner=murmur2_random",
        "isolation.level=read_committed", "partition.assignment.strategy=cooperative-sticky",
        "partition.assignment.strategy=roundrobin,range"}) {
    EXPECT_EQ(Refusal(property), "") << property;
  }
}

TEST(MakeClientConfigTest, NeverShowsASecret) {
  EXPECT_THAT(Refusal("sasl.pasword=hush"),
              AllOf(HasSubstr("sasl.pasword: unknown"), Not(HasSubstr("hush"))));
  const auto config =
      MakeClientConfig("localhost:1", "", {"security.protocol=ssl", "ssl.key.pem=hush"});
  EXPECT_THAT(Message(config.status()), AllOf(HasSubstr("ssl.key.pem"), Not(HasSubstr("hush"))));
}

TEST(MakeProducerConfTest, KeepsEveryPromiseOfPublishing) {
  const ConfHolder conf = MakeProducerConf(ClientConfig()).value();
  EXPECT_EQ(ValueIn(conf.get(), "acks"), "-1");
  EXPECT_EQ(ValueIn(conf.get(), "enable.idempotence"), "true");
  EXPECT_EQ(ValueIn(conf.get(), "partitioner"), "murmur2_random");
  EXPECT_EQ(ValueIn(conf.get(), "linger.ms"), "0");
  EXPECT_EQ(ValueIn(conf.get(), "message.timeout.ms"), "30000");
  EXPECT_EQ(ValueIn(conf.get(), "request.timeout.ms"), "10000");
  EXPECT_EQ(ValueIn(conf.get(), "allow.auto.create.topics"), "false");
}

TEST(MakeProducerConfTest, OperatorsPropertiesWin) {
  ClientConfig config;
  config.properties = {{"linger.ms", "20"}};
  const ConfHolder conf = MakeProducerConf(config).value();
  EXPECT_EQ(ValueIn(conf.get(), "linger.ms"), "20");
}

TEST(MakeConsumerConfTest, NeitherCommitsNorResets) {
  const ConfHolder conf = MakeConsumerConf(ClientConfig(), "eventbus/host/me").value();
  EXPECT_EQ(ValueIn(conf.get(), "enable.auto.commit"), "false");
  EXPECT_EQ(ValueIn(conf.get(), "enable.auto.offset.store"), "false");
  EXPECT_EQ(ValueIn(conf.get(), "auto.offset.reset"), "error");
  EXPECT_EQ(ValueIn(conf.get(), "isolation.level"), "read_committed");
  EXPECT_EQ(ValueIn(conf.get(), "partition.assignment.strategy"), "range,roundrobin");
  EXPECT_EQ(ValueIn(conf.get(), "client.id"), "eventbus/host/me");
}

TEST(MakeGroupConfTest, IsAConsumersWithItsGroup) {
  ClientConfig config;
  config.properties["partition.assignment.strategy"] = "cooperative-sticky";
  const ConfHolder conf = MakeGroupConf(config, "indexer", "eventbus/host/me").value();
  EXPECT_EQ(ValueIn(conf.get(), "group.id"), "indexer");
  EXPECT_EQ(ValueIn(conf.get(), "client.id"), "eventbus/host/me");
  EXPECT_EQ(ValueIn(conf.get(), "partition.assignment.strategy"), "cooperative-sticky");
  EXPECT_EQ(ValueIn(conf.get(), "session.timeout.ms"), "10000");
  EXPECT_EQ(ValueIn(conf.get(), "heartbeat.interval.ms"), "3000");
  EXPECT_EQ(ValueIn(conf.get(), "enable.auto.commit"), "false");
  EXPECT_EQ(ValueIn(conf.get(), "enable.partition.eof"), "true");
  EXPECT_EQ(ValueIn(conf.get(), "queued.max.messages.kbytes"), "8192");
}

}  // namespace
}  // namespace eventbus::rdkafka
