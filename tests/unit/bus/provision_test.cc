#include "server/bus/provision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/error.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

absl::StatusOr<ProvisionReport> Provisioned(fakes::FakeKafka& kafka, int replication_factor = 1) {
  const fakes::ManualClock clock;
  return Provision(fakes::Schema::Get().catalog, replication_factor, kafka, clock,
                   absl::Seconds(1));
}

TEST(ProvisionTest, CreatesWhatIsMissingAsDocumented) {
  fakes::FakeKafka kafka;
  const auto report = Provisioned(kafka, 2);
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->created, ElementsAre("document-events", "meeting-events", "tutor-queries",
                                           "assessment-events", "analytics-events"));
  const int partitions[] = {3, 6, 3, 3, 6};
  const int days[] = {7, 3, 30, 90, 30};
  ASSERT_EQ(kafka.created().size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(kafka.created()[i].partitions, partitions[i]);
    EXPECT_EQ(kafka.created()[i].retention, absl::Hours(24 * days[i]));
    EXPECT_EQ(kafka.created()[i].replication_factor, 2);
  }
}

TEST(ProvisionTest, TheSecondTimeNothingIsLeftToDo) {
  fakes::FakeKafka kafka;
  ASSERT_TRUE(Provisioned(kafka).ok());
  const auto report = Provisioned(kafka);
  EXPECT_THAT(report->created, IsEmpty());
  EXPECT_THAT(report->differences, IsEmpty());
  EXPECT_EQ(kafka.created().size(), 5u);
}

TEST(ProvisionTest, WhatDiffersIsReportedAndLeftAsItIs) {
  fakes::FakeKafka kafka;
  ASSERT_TRUE(Provisioned(kafka).ok());
  kafka.AddTopic("meeting-events", 9);
  kafka.SetTopicConfig({{"retention.ms", "1000"}, {"min.insync.replicas", "1"}});
  const auto report = Provisioned(kafka);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->differences.size(), 6u);  // Five retentions, one number of partitions.
  EXPECT_THAT(
      report->differences,
      testing::Contains("meeting-events: partitions is 9, the schema says 6; left as it is"));
  EXPECT_THAT(report->differences,
              testing::Contains("document-events: retention.ms is 1000, the schema says 604800000; "
                                "left as it is"));
  EXPECT_EQ(kafka.created().size(), 5u);
  EXPECT_EQ(kafka.Describe(absl::Seconds(1))->topics.at("meeting-events").partitions, 9);
}

TEST(ProvisionTest, ReportsWhatAcksAllIsWorth) {
  fakes::FakeKafka kafka;
  kafka.SetTopicConfig({{"retention.ms", "604800000"}, {"min.insync.replicas", "2"}});
  const auto report = Provisioned(kafka);
  ASSERT_EQ(report->durability.size(), 5u);
  EXPECT_THAT(report->durability[0], HasSubstr("min.insync.replicas=2"));
}

TEST(ProvisionTest, ATopicJustMadeMayBeUnknownForAMoment) {
  fakes::FakeKafka kafka;
  kafka.HideTopicConfig(3);
  const auto report = Provisioned(kafka);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->created.size(), 5u);
}

TEST(ProvisionTest, AnOutageIsItsError) {
  fakes::FakeKafka kafka;
  kafka.SetError(MakeError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  EXPECT_TRUE(absl::IsUnavailable(Provisioned(kafka).status()));
}

}  // namespace
}  // namespace eventbus::bus
