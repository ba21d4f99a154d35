// Members of groups on the embedded Kafka.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/rdkafka_fixtures.h"
#include "tests/integration/rdkafka_member.h"

namespace eventbus::rdkafka {
namespace {

using ::testing::ElementsAre;
using testing::EmbeddedKafkaTest;
using ::testing::IsEmpty;
using testing::Member;
using testing::ReasonOf;
using ::testing::SizeIs;

class GroupTest : public EmbeddedKafkaTest {
 protected:
  const std::string group_ = "group";
};

TEST_F(GroupTest, AMemberReadsCommitsAndFindsWhatItCommitted) {
  Fill("events", 10);
  const auto factory = MakeFactory();
  Member member(*factory, group_, {"events"});
  ASSERT_TRUE(member.PollUntil([&] { return member.events.records.size() == 10; }));
  EXPECT_THAT(member.errors, IsEmpty());
  const std::string metadata(3000, 'm');
  EXPECT_TRUE(member.CommitAndWait({{{"events", 0}, 7, metadata}}).ok());
  const auto committed = member.consumer().QueryCommitted({{"events", 0}}, kTimeout);
  ASSERT_TRUE(committed.ok()) << committed.status();
  ASSERT_THAT(*committed, SizeIs(1));
  EXPECT_EQ((*committed)[0].offset, 7);
  EXPECT_EQ((*committed)[0].metadata, metadata);
  EXPECT_TRUE(member.LeaveAndWait(member.PositionsToCommit()).ok());
}

}  // namespace
}  // namespace eventbus::rdkafka
