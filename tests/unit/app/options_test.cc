#include "server/app/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

namespace eventbus::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Environment variables for the length of a test.
class Environment {
 public:
  void Set(const char* name, const char* value) {
    setenv(name, value, 1);
    names_.push_back(name);
  }
  ~Environment() {
    for (const char* name : names_) unsetenv(name);
  }

 private:
  std::vector<const char*> names_;
};

ParsedOptions Parse(std::vector<const char*> flags) {
  flags.insert(flags.begin(), "eventbus-server");
  return ParseOptions(static_cast<int>(flags.size()), flags.data());
}

// What is printed to stderr for these flags, which must be refused.
std::string Refusal(const std::vector<const char*>& flags) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  const ParsedOptions parsed = Parse(flags);
  const std::string text = testing::internal::GetCapturedStderr();
  testing::internal::GetCapturedStdout();
  EXPECT_TRUE(parsed.exit);
  EXPECT_NE(parsed.exit_code, 0);
  return text;
}

TEST(OptionsTest, DefaultsAreAsDocumented) {
  const Options options = Parse({}).options;
  ASSERT_EQ(options.listen.size(), 2u);
  EXPECT_EQ(options.listen[0], "127.0.0.1:50051");
  EXPECT_THAT(options.listen[1], HasSubstr("unix:/"));
  EXPECT_EQ(options.kafka_bootstrap_servers, "localhost:9092");
  EXPECT_EQ(options.kafka_auto_offset_reset, "earliest");
  EXPECT_EQ(options.replication_factor, 1);
  EXPECT_EQ(options.max_event_bytes, 1'000'000u);
  EXPECT_EQ(options.max_streams, 900u);
  EXPECT_EQ(options.drain_timeout, absl::Seconds(25));
  EXPECT_EQ(options.commit_interval, absl::Seconds(1));
}

TEST(OptionsTest, RepeatedFlagsAddUp) {
  const Options options = Parse({"--listen=127.0.0.1:1", "--listen", "unix:/tmp/x",
                                 "--kafka_property", "a=b", "--kafka_property", "c=d,e"})
                              .options;
  EXPECT_THAT(options.listen, ElementsAre("127.0.0.1:1", "unix:/tmp/x"));
  EXPECT_THAT(options.kafka_properties, ElementsAre("a=b", "c=d,e"));
}

TEST(OptionsTest, EveryFlagIsAlsoAVariable) {
  Environment environment;
  environment.Set("EVENTBUS_LISTEN", "127.0.0.1:1,127.0.0.1:2");
  environment.Set("EVENTBUS_EMBEDDED_KAFKA", "true");
  environment.Set("EVENTBUS_MAX_STREAMS", "17");
  environment.Set("EVENTBUS_KAFKA_PROPERTY", "a=b;c=d");
  environment.Set("EVENTBUS_DRAIN_TIMEOUT", "3s");
  const Options options = Parse({}).options;
  EXPECT_THAT(options.listen, ElementsAre("127.0.0.1:1", "127.0.0.1:2"));
  EXPECT_TRUE(options.embedded_kafka);
  EXPECT_EQ(options.max_streams, 17u);
  EXPECT_THAT(options.kafka_properties, ElementsAre("a=b", "c=d"));
  EXPECT_EQ(options.drain_timeout, absl::Seconds(3));
}

TEST(OptionsTest, TheDocumentedVariablesAreRead) {
  Environment environment;
  environment.Set("KAFKA_BOOTSTRAP_SERVERS", "kafka:29092");
  environment.Set("KAFKA_GROUP_ID", "ensure-study-consumers");
  environment.Set("KAFKA_AUTO_OFFSET_RESET", "latest");
  environment.Set("KAFKA_PORT", "tcp://10.0.0.1:9092");  // Kubernetes'; not ours.
  const Options options = Parse({}).options;
  EXPECT_EQ(options.kafka_bootstrap_servers, "kafka:29092");
  EXPECT_EQ(options.kafka_group_id, "ensure-study-consumers");
  EXPECT_EQ(options.kafka_auto_offset_reset, "latest");
}

TEST(OptionsTest, TheFlagWinsThenEventbusThenKafka) {
  Environment environment;
  environment.Set("KAFKA_BOOTSTRAP_SERVERS", "kafka:1");
  environment.Set("EVENTBUS_KAFKA_BOOTSTRAP_SERVERS", "kafka:2");
  EXPECT_EQ(Parse({}).options.kafka_bootstrap_servers, "kafka:2");
  EXPECT_EQ(Parse({"--kafka_bootstrap_servers=kafka:3"}).options.kafka_bootstrap_servers,
            "kafka:3");
}

TEST(OptionsTest, HelpExplainsEachFlagAndExitsWithZero) {
  testing::internal::CaptureStdout();
  const ParsedOptions parsed = Parse({"--help"});
  const std::string help = testing::internal::GetCapturedStdout();
  EXPECT_TRUE(parsed.exit);
  EXPECT_EQ(parsed.exit_code, 0);
  for (const char* flag :
       {"--listen", "--allow_plaintext", "--kafka_bootstrap_servers", "--kafka_group_id",
        "--kafka_auto_offset_reset", "--kafka_config", "--kafka_property", "--embedded_kafka",
        "--provision_topics", "--replication_factor", "--max_event_bytes", "--max_streams",
        "--max_delivered_span", "--drain_timeout", "--commit_interval", "--log_level",
        "--version"}) {
    EXPECT_THAT(help, HasSubstr(flag));
  }
  EXPECT_THAT(help, HasSubstr("25s"));
  EXPECT_THAT(help, HasSubstr("1000000"));
}

TEST(OptionsTest, AnUnknownFlagIsRefused) {
  EXPECT_THAT(Refusal({"--lisen=127.0.0.1:1"}), HasSubstr("--lisen"));
}

TEST(OptionsTest, AWrongNumberIsRefusedWithItsRange) {
  EXPECT_THAT(Refusal({"--replication_factor=0"}), HasSubstr("0 not in range"));
  EXPECT_THAT(Refusal({"--max_event_bytes=2097153"}), HasSubstr("2097152"));
  EXPECT_THAT(Refusal({"--max_streams=many"}), HasSubstr("many"));
  EXPECT_THAT(Refusal({"--max_delivered_span=999"}), HasSubstr("1000"));
}

TEST(OptionsTest, AWrongWordIsRefusedWithTheAllowedOnes) {
  EXPECT_THAT(Refusal({"--kafka_auto_offset_reset=oldest"}), HasSubstr("earliest"));
  EXPECT_THAT(Refusal({"--log_level=loud"}), HasSubstr("warning"));
}

TEST(OptionsTest, ACommitIntervalOutsideOfItsRangeIsRefused) {
  EXPECT_EQ(Parse({"--commit_interval=100ms"}).options.commit_interval, absl::Milliseconds(100));
  EXPECT_THAT(Refusal({"--commit_interval=99ms"}), HasSubstr("100ms to 10s"));
  EXPECT_THAT(Refusal({"--commit_interval=11s"}), HasSubstr("100ms to 10s"));
}

TEST(OptionsTest, AGroupThatIsNoNameIsRefused) {
  EXPECT_THAT(Refusal({"--kafka_group_id=a b"}), HasSubstr("\"a b\", at most 249"));
}

TEST(OptionsTest, AWrongVariableIsRefusedByItsName) {
  Environment environment;
  environment.Set("KAFKA_AUTO_OFFSET_RESET", "none");
  EXPECT_THAT(Refusal({}), HasSubstr("KAFKA_AUTO_OFFSET_RESET): \"none\", earliest or latest"));
}

TEST(OptionsTest, AWrongDurationIsRefused) {
  EXPECT_THAT(Refusal({"--drain_timeout=25"}), HasSubstr("1s to 1h is allowed"));
}

TEST(OptionsTest, AWrongAddressIsRefused) {
  EXPECT_THAT(Refusal({"--listen=50051"}),
              HasSubstr("\"50051\", host:port (0-65535) or unix:path is allowed"));
  EXPECT_THAT(Refusal({"--listen=127.0.0.1:70000"}), HasSubstr("70000"));
  EXPECT_THAT(Refusal({"--listen=unix:"}), HasSubstr("unix:path is required"));
}

TEST(OptionsTest, ARoutableAddressWithoutTlsIsRefusedUnlessToldSo) {
  EXPECT_THAT(Refusal({"--listen=0.0.0.0:50051"}), HasSubstr("--allow_plaintext"));
  EXPECT_THAT(Refusal({"--listen=[::]:50051"}), HasSubstr("--allow_plaintext"));
  EXPECT_FALSE(Parse({"--listen=0.0.0.0:50051", "--allow_plaintext"}).exit);
  EXPECT_FALSE(Parse({"--listen=[::1]:50051"}).exit);
  EXPECT_FALSE(Parse({"--listen=localhost:50051"}).exit);
}

}  // namespace
}  // namespace eventbus::app
