#include "server/bus/group.h"
#include "tests/unit/bus/group_fixture.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using GroupSettlingTest = ExplicitGroupTest;

// ---- Retries.

TEST_F(GroupSettlingTest, ARetryComesAgainOnceItsDelayIsOver) {
  Append(0, 1);
  Stream& stream = Start();
  const auto first = Events(stream.sink->Take());
  EXPECT_THAT(Retry(first.at(0).token, absl::Seconds(5)), IsEmpty());
  Advance(absl::Seconds(4));
  EXPECT_THAT(stream.sink->Take(), IsEmpty());
  Advance(absl::Seconds(1));
  const auto again = Events(stream.sink->Take());
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].attempt, 2);
  EXPECT_THAT(Acknowledge({again[0].token}), IsEmpty());
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 1);
}

TEST_F(GroupSettlingTest, ARetryOfNoDelayComesAgainAtOnce) {
  Append(0, 1);
  Stream& stream = Start();
  Retry(Events(stream.sink->Take()).at(0).token, absl::ZeroDuration());
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:0"));
}

// The client does not read: what collects behind the write under way has to wait, too.
TEST_F(GroupSettlingTest, WhatCollectsMeanwhileIsRecalled) {
  options_.reader.batch.max_events = 2;
  Append(0, 1);
  Stream& stream = Start();
  const auto first = Events(stream.sink->Take());
  stream.stalled = true;
  Append(1, 1);
  Append(0, 3);
  Retry(first.at(0).token, absl::Seconds(1));
  Read(stream);
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("1:0")) << "all others are of the key";
  Advance(absl::Seconds(1));
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:0", "0:1", "0:2", "0:3"));
}

TEST_F(GroupSettlingTest, ARetryThatWaitsSurvivesARebalance) {
  Append(0, 2);
  Append(1, 2);
  Stream& stream = Start();
  Retry(Events(stream.sink->Take()).at(0).token, absl::Seconds(5));
  Start().group->OnDeadline();
  Run();
  stream.sink->Take();
  Advance(absl::Seconds(5));
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:0", "0:1"));
  EXPECT_EQ(Metadata(0).failures, (std::vector<Failures>{{0, 1}}));
}

// ---- Bounded reads.

TEST_F(GroupSettlingTest, RedeliveriesCountForMaxEvents) {
  Append(0, 3);
  options_.reader.max_events = 3;
  options_.reader.batch.max_events = 1;
  options_.settling.max_events = 1;
  Stream& stream = Start();
  Retry(Events(stream.sink->Take()).at(0).token, absl::ZeroDuration());
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  Acknowledge({Events(stream.sink->Take()).at(0).token});
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:1"));
  ASSERT_TRUE(stream.sink->closed().has_value());
  EXPECT_TRUE(stream.sink->closed()->ok());
}

TEST_F(GroupSettlingTest, StopAtEndDeliversWhatIsHeldBehindARetry) {
  options_.reader.stop_at_end = true;
  options_.settling.max_events = 2;
  Append(0, 3);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  ASSERT_THAT(events, SizeIs(2));
  Retry(events[1].token, absl::Seconds(1));
  Acknowledge({events[0].token});
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  Advance(absl::Seconds(1));
  const auto rest = stream.sink->Take();
  EXPECT_THAT(Places(rest), ElementsAre("0:1", "0:2"));
  EXPECT_TRUE(stream.sink->closed()->ok());
}

TEST_F(GroupSettlingTest, WhoSettlesOnTheStreamHasItOpenUntilAllIsSettled) {
  Append(0, 2);
  options_.reader.max_events = 2;
  options_.settles_on_stream = true;
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  Acknowledge({events[0].token});
  Advance(absl::Seconds(20));
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  Acknowledge({events[1].token});
  ASSERT_TRUE(stream.sink->closed().has_value());
  EXPECT_TRUE(stream.sink->closed()->ok());
  EXPECT_EQ(Committed(0), 2);
}

TEST_F(GroupSettlingTest, ButNotForEver) {
  Append(0, 2);
  options_.reader.max_events = 2;
  options_.settles_on_stream = true;
  Stream& stream = Start();
  Advance(Group::kLinger - absl::Seconds(1));
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  Advance(absl::Seconds(1));
  EXPECT_TRUE(stream.sink->closed()->ok());
  EXPECT_EQ(Metadata(0), CommitMetadata()) << "a clean end, and nobody has failed";
}

// Half-closing says: no more acknowledgements will come.
TEST_F(GroupSettlingTest, AHalfCloseIsNotWaitedBehind) {
  Append(0, 2);
  options_.reader.max_events = 2;
  options_.settles_on_stream = true;
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  bool answered = false;
  acks_.Settle({{events[0].token}, {}, {}}, [&](const auto& errors) {
    EXPECT_THAT(errors, IsEmpty());
    answered = true;
  });
  stream.group->OnHalfClose();
  Run();
  EXPECT_TRUE(answered);
  ASSERT_TRUE(stream.sink->closed().has_value());
  EXPECT_TRUE(stream.sink->closed()->ok());
  EXPECT_EQ(Committed(0), 1);
  EXPECT_EQ(group().members(), 0);
}

TEST_F(GroupSettlingTest, AMemberThatLingersSendsNoHeartbeatsAndRests) {
  Append(0, 1);
  options_.reader.max_events = 1;
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  Advance(options_.heartbeat_interval);
  EXPECT_THAT(stream.sink->Take(), IsEmpty());
  EXPECT_EQ(group().members(), 1);
  EXPECT_THAT(Acknowledge({events.at(0).token}), IsEmpty());
  EXPECT_EQ(group().members(), 0);
}

TEST_F(GroupSettlingTest, AMemberThatLingersDoesNotRedeliver) {
  Append(0, 1);
  options_.reader.max_events = 1;
  Stream& stream = Start();
  Retry(Events(stream.sink->Take()).at(0).token, absl::Seconds(1));
  EXPECT_EQ(group().members(), 0) << "nothing is left to wait for";
  EXPECT_EQ(Metadata(0).failures, (std::vector<Failures>{{0, 1}}));
  EXPECT_FALSE(Metadata(0).mark.open);
}

// ---- Rebalances.

// What is due waits for the release, and may be past its time by then.
TEST_F(GroupSettlingTest, AReleaseThatWaitsForAWriteRests) {
  options_.member.release_grace = absl::Seconds(2);
  options_.member.commit_interval = absl::Milliseconds(500);
  Append(0, 1);
  Append(1, 1);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  stream.stalled = true;
  Append(0, 1);
  Acknowledge({events.at(0).token});
  Start();
  Advance(absl::Seconds(1));
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 1);
}

TEST_F(GroupSettlingTest, WhoLeavesWithinARebalanceLeavesNoOpenMark) {
  options_.member.release_grace = absl::Seconds(2);
  Append(0, 1);
  Append(1, 1);
  Stream& stream = Start();
  stream.stalled = true;
  Append(0, 1);
  Start();
  EXPECT_TRUE(Metadata(0).mark.open);
  stream.group->OnDeadline();
  executor_.Run();
  EXPECT_FALSE(Metadata(0).mark.open);
  EXPECT_FALSE(Metadata(1).mark.open);
}

// What is kept of it may be in the next batch by the time that this is known.
TEST_F(GroupSettlingTest, ATopicThatIsMadeAgainTakesWhatWasReadOfItAlong) {
  options_.settling.max_events = 3;
  Append(0, 1);
  Stream& stream = Start();
  Retry(Events(stream.sink->Take()).at(0).token, absl::Seconds(1));
  stream.stalled = true;
  Append(1, 1);
  kafka_.Recreate(kTopic);
  executor_.Run();  // The positions are being looked up.
  clock_.Advance(absl::Seconds(1));
  executor_.Run();  // The retry is due.
  Read(stream);
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("1:0")) << "which was on its way";
  Append(0, 5);
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:0", "0:1", "0:2"));
}

}  // namespace
}  // namespace eventbus::bus
