// What the admin client asks about groups, on a real Kafka; see rdkafka_fixtures.h for how to run
// it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/base/error.h"
#include "tests/integration/rdkafka_fixtures.h"
#include "tests/integration/rdkafka_member.h"

namespace eventbus::rdkafka {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Member;
using ::testing::Pair;
using testing::RealKafkaTest;
using testing::ReasonOf;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class AdminKafkaTest : public RealKafkaTest {
 protected:
  void SetUp() override {
    RealKafkaTest::SetUp();
    group_ = NewName();
  }

  kafka::GroupDescription Describe() {
    const auto group = admin_->DescribeGroup(group_, kTimeout);
    EXPECT_TRUE(group.ok()) << group.status();
    return group.value_or(kafka::GroupDescription());
  }

  std::string group_;
};

TEST_F(AdminKafkaTest, AGroupsMembersHaveTheirNamesAndPartitions) {
  const auto factory = MakeFactory();
  Member member(*factory, group_, {topic_});
  ASSERT_TRUE(member.PollUntil([&] { return member.assignments == 1; }));
  const kafka::GroupDescription group = Describe();
  EXPECT_EQ(group.state, "Stable");
  EXPECT_EQ(group.assignor, "range");
  ASSERT_THAT(group.members, SizeIs(1));
  EXPECT_NE(group.members[0].member_id, "");
  EXPECT_NE(group.members[0].client_id, "");
  EXPECT_NE(group.members[0].host, "");
  EXPECT_THAT(group.members[0].assigned, ElementsAre(kafka::TopicPartition{topic_, 0}));
}

TEST_F(AdminKafkaTest, AGroupIsEmptyOnceItsMembersHaveLeft) {
  const auto factory = MakeFactory();
  Member member(*factory, group_, {topic_});
  ASSERT_TRUE(member.PollUntil([&] { return member.assignments == 1; }));
  ASSERT_TRUE(member.LeaveAndWait({{{topic_, 0}, 7, "metadata"}}).ok());
  const kafka::GroupDescription group = Describe();
  EXPECT_EQ(group.state, "Empty");
  EXPECT_THAT(group.members, IsEmpty());
}

TEST_F(AdminKafkaTest, AGroupThatThereIsNotIsDead) { EXPECT_EQ(Describe().state, "Dead"); }

TEST_F(AdminKafkaTest, EndsAreToldOfPartitionsThatThereAre) {
  const std::string trio = NewName();
  ASSERT_TRUE(CreateTopic(trio, 3).ok());
  Fill(topic_, 5);
  const auto ends = admin_->QueryEnds({{topic_, 0}, {trio, 0}, {trio, 2}}, kTimeout);
  ASSERT_TRUE(ends.ok()) << ends.status();
  EXPECT_THAT(*ends, UnorderedElementsAre(Pair(kafka::TopicPartition{topic_, 0}, 5),
                                          Pair(kafka::TopicPartition{trio, 0}, 0),
                                          Pair(kafka::TopicPartition{trio, 2}, 0)));
  EXPECT_TRUE(admin_->QueryEnds({}, kTimeout)->empty());
}

// Last: it stops the broker.
TEST_F(AdminKafkaTest, WithoutABrokerAnAnswerComesInTime) {
  ASSERT_TRUE(Control("stop-node"));
  EXPECT_EQ(ReasonOf(admin_->DescribeGroup(group_, absl::Seconds(1)).status()),
            v1::ERROR_REASON_KAFKA_UNAVAILABLE);
  EXPECT_EQ(ReasonOf(admin_->QueryEnds({{topic_, 0}}, absl::Seconds(1)).status()),
            v1::ERROR_REASON_KAFKA_UNAVAILABLE);
  ASSERT_TRUE(Control("start-node"));
}

}  // namespace
}  // namespace eventbus::rdkafka
