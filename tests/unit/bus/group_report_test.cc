#include "server/bus/group_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/error.h"
#include "server/bus/cluster_monitor.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {
namespace {

using testing::SizeIs;

constexpr char kGroup[] = "group";
constexpr char kTopic[] = "topic";

// Answers at once with what it is made of, or never.
class FakeStream final : public GroupInspected {
 public:
  explicit FakeStream(absl::optional<HeldStream> held) : held_(std::move(held)) {}
  void Inspect(Done done) override {
    if (held_.has_value()) return done(*held_);
    kept_ = std::move(done);
  }

 private:
  const absl::optional<HeldStream> held_;
  Done kept_;
};

class GroupReportTest : public testing::Test {
 protected:
  GroupReportTest() {
    kafka_.AddTopic(kTopic, 3);
    for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, "v");
    monitor_.Start([](bool) {});
    executor_.Run();
  }
  ~GroupReportTest() override {
    monitor_.Stop();
    executor_.Stop();
  }

  void Describe(std::vector<kafka::GroupMember> members) {
    kafka_.SetGroupDescription(kGroup, {"Stable", "range", std::move(members)});
  }
  std::shared_ptr<FakeStream> Enter(absl::optional<HeldStream> held) {
    auto stream = std::make_shared<FakeStream>(std::move(held));
    inspector_.Enter(kGroup, stream);
    return stream;
  }
  absl::StatusOr<GroupReport> Report(absl::Duration timeout = absl::Seconds(10)) {
    return ReportGroup(kGroup, context_, clock_.Now() + timeout);
  }
  static HeldPartition Held(int partition, std::int64_t outstanding) {
    HeldPartition held;
    held.partition = {kTopic, partition};
    held.outstanding = outstanding;
    return held;
  }

  fakes::ManualClock clock_;
  fakes::ManualExecutor executor_{clock_};
  fakes::FakeKafka kafka_;
  ClusterMonitor monitor_{kafka_, executor_, clock_, ClusterMonitor::Options()};
  GroupInspector inspector_;
  const Context context_{fakes::Schema::Get().catalog,
                         *fakes::Schema::Get().plan,
                         kafka_,
                         kafka_,
                         monitor_,
                         executor_,
                         executor_,
                         clock_,
                         /*tails=*/nullptr,
                         /*acks=*/nullptr,
                         /*dead_letters=*/nullptr,
                         &inspector_};
};

TEST_F(GroupReportTest, HasEveryPartitionThatAnybodyHas) {
  Describe({{"m", "c", "h", {{kTopic, 1}}}});
  kafka_.Group(kGroup).SetCommitted({kTopic, 0}, 3);
  const auto stream = Enter(HeldStream{"s", "c", {Held(2, 7)}});
  const auto report = Report();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->description.state, "Stable");
  ASSERT_THAT(report->partitions, SizeIs(3));
  const PartitionReport& committed = report->partitions.at({kTopic, 0});
  EXPECT_EQ(committed.committed, 3);
  EXPECT_EQ(committed.end, 5);
  EXPECT_EQ(committed.held, absl::nullopt);
  const PartitionReport& assigned = report->partitions.at({kTopic, 1});
  EXPECT_EQ(assigned.committed, absl::nullopt);
  EXPECT_EQ(assigned.end, 0);
  const PartitionReport& held = report->partitions.at({kTopic, 2});
  ASSERT_TRUE(held.held.has_value());
  EXPECT_EQ(held.held->stream_id, "s");
  EXPECT_EQ(held.held->partitions.front().outstanding, 7);
}

TEST_F(GroupReportTest, EachPartitionHasItsOwnOfAStream) {
  Describe({});
  const auto stream = Enter(HeldStream{"s", "c", {Held(0, 1), Held(1, 2)}});
  const auto report = Report();
  ASSERT_TRUE(report.ok()) << report.status();
  for (const int partition : {0, 1}) {
    const auto& held = report->partitions.at({kTopic, partition}).held;
    ASSERT_TRUE(held.has_value());
    ASSERT_THAT(held->partitions, SizeIs(1));
    EXPECT_EQ(held->partitions.front().outstanding, partition + 1);
  }
}

TEST_F(GroupReportTest, AGroupThatThereIsNotIsNotFound) {
  const auto report = Report();
  EXPECT_EQ(GetErrorDetails(report.status()).reason, v1::ERROR_REASON_GROUP_NOT_FOUND);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kNotFound);
}

// As of one whose members do not tell: Kafka knows its offsets.
TEST_F(GroupReportTest, AGroupWithOffsetsIsFound) {
  kafka_.Group(kGroup).SetCommitted({kTopic, 0}, 0);
  EXPECT_TRUE(Report().ok());
}

// As of a member that has not noticed yet.
TEST_F(GroupReportTest, APartitionThatIsGoneHasNoEnd) {
  Describe({{"m", "c", "h", {{"gone", 0}, {kTopic, 9}, {kTopic, 0}}}});
  const auto report = Report();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->partitions.at({"gone", 0}).end, absl::nullopt);
  EXPECT_EQ(report->partitions.at({kTopic, 9}).end, absl::nullopt);
  EXPECT_EQ(report->partitions.at({kTopic, 0}).end, 5);
}

// The cluster is asked anew: what the server has heard of it may be seconds old.
TEST_F(GroupReportTest, ATopicThatHasJustBeenMadeCounts) {
  Describe({});
  kafka_.AddTopic("new", 1);
  kafka_.Group(kGroup).SetCommitted({"new", 0}, 3);
  const auto report = Report();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->partitions.at({"new", 0}).committed, 3);
  EXPECT_EQ(report->partitions.at({"new", 0}).end, 0);
}

TEST_F(GroupReportTest, NobodyJoinsTheGroupToAskForItsOffsets) {
  Describe({});
  kafka_.Group(kGroup).SetCommitted({kTopic, 0}, 3);
  ASSERT_TRUE(Report().ok());
  EXPECT_EQ(kafka_.Group(kGroup).members(), 0);
  EXPECT_EQ(kafka_.live_consumers(), 0);
}

TEST_F(GroupReportTest, AGroupWhoseOffsetsAreDeniedIsDenied) {
  kafka_.Group(kGroup).SetError(MakeError(v1::ERROR_REASON_GROUP_DENIED, "no"));
  EXPECT_EQ(GetErrorDetails(Report().status()).reason, v1::ERROR_REASON_GROUP_DENIED);
}

TEST_F(GroupReportTest, WithoutTheEndsTheRestIsStillSaid) {
  Describe({});
  kafka_.Group(kGroup).SetCommitted({kTopic, 0}, 3);
  kafka_.SetEndsError(MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "moving"));
  const auto report = Report();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->partitions.at({kTopic, 0}).committed, 3);
  EXPECT_EQ(report->partitions.at({kTopic, 0}).end, absl::nullopt);
}

TEST_F(GroupReportTest, WhatKafkaFailsWithIsTheError) {
  kafka_.SetError(MakeError(v1::ERROR_REASON_GROUP_DENIED, "no"));
  EXPECT_EQ(GetErrorDetails(Report().status()).reason, v1::ERROR_REASON_GROUP_DENIED);
}

TEST_F(GroupReportTest, AStreamThatDoesNotAnswerIsLeftOut) {
  Describe({});
  kafka_.Group(kGroup).SetCommitted({kTopic, 0}, 3);
  const auto stream = Enter(absl::nullopt);
  const auto report = Report(absl::Milliseconds(10));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->partitions.at({kTopic, 0}).held, absl::nullopt);
}

}  // namespace
}  // namespace eventbus::bus
