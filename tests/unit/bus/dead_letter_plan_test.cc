#include "server/bus/dead_letter_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/time.h"
#include "server/base/error.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr char kThirtyDays[] = "2592000000";

TEST(DeadLetterTopicTest, IsNamedAfterTopicAndGroup) {
  EXPECT_EQ(DeadLetterTopic("document-events", "document-processor").value(),
            "document-events.document-processor.dlq");
}

TEST(DeadLetterTopicTest, RefusesWhatKafkaHasNoNameFor) {
  const std::string topic(100, 't');
  EXPECT_EQ(DeadLetterTopic(topic, std::string(144, 'g')).value().size(), 249u);
  const auto refused = DeadLetterTopic(topic, std::string(145, 'g'));
  const ErrorDetails details = GetErrorDetails(refused.status());
  EXPECT_EQ(details.reason, v1::ERROR_REASON_REQUEST_INVALID);
  ASSERT_EQ(details.violations.size(), 1u);
  EXPECT_EQ(details.violations[0].field, "group.id");
  EXPECT_THAT(details.violations[0].description, HasSubstr("250 characters, at most 249"));
}

TEST(PlanDeadLetterTopicTest, HasTheOriginsPartitionsAndTheClustersReplication) {
  const kafka::NewTopic plan = PlanDeadLetterTopic("t.g.dlq", 6, {});
  EXPECT_EQ(plan.name, "t.g.dlq");
  EXPECT_EQ(plan.partitions, 6);
  EXPECT_EQ(plan.replication_factor, -1);
}

TEST(PlanDeadLetterTopicTest, KeepsLettersThirtyDaysOrAsLongAsTheOrigin) {
  const auto retention = [](const char* origin) {
    return PlanDeadLetterTopic("t.g.dlq", 1, {{"retention.ms", origin}}).retention;
  };
  EXPECT_EQ(retention("1000"), absl::Hours(24 * 30));
  EXPECT_EQ(retention(kThirtyDays), absl::Hours(24 * 30));
  EXPECT_EQ(retention("7776000000"), absl::Hours(24 * 90));
  EXPECT_EQ(retention("9223372036854775807"), absl::Milliseconds(9223372036854775807));
  EXPECT_EQ(retention("-1"), absl::InfiniteDuration());
}

TEST(PlanDeadLetterTopicTest, HasRoomForWhateverFitsTheOriginAndForHeaders) {
  const auto config = [](const char* origin) {
    return PlanDeadLetterTopic("t.g.dlq", 1, {{"max.message.bytes", origin}}).config;
  };
  EXPECT_THAT(config("1048588"),
              ElementsAre(Pair("cleanup.policy", "delete"), Pair("max.message.bytes", "1114124")));
  EXPECT_EQ(config("2147483647").at("max.message.bytes"), "2147483647");
  EXPECT_EQ(config("2147483000").at("max.message.bytes"), "2147483647");
}

TEST(PlanDeadLetterTopicTest, OfAnOriginThatIsNotKnownSaysNothing) {
  const kafka::NewTopic plan = PlanDeadLetterTopic("t.g.dlq", 1, {});
  EXPECT_EQ(plan.retention, absl::Hours(24 * 30));
  EXPECT_THAT(plan.config, ElementsAre(Pair("cleanup.policy", "delete")));
}

}  // namespace
}  // namespace eventbus::bus
