#include "server/bus/group.h"
#include "tests/unit/bus/group_fixture.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

absl::Status Away() { return MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"); }
absl::Status Denied() { return MakeError(v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE, "denied"); }

class GroupLettersTest : public ExplicitGroupTest {
 protected:
  GroupLettersTest() { options_.settling.dead_letters = true; }

  std::vector<std::int64_t> Written() {
    std::vector<std::int64_t> offsets;
    for (const auto& letter : dead_letters_.written()) {
      offsets.push_back(letter.record.view().offset);
    }
    return offsets;
  }
  // What holds the partition back, as the next heartbeat says.
  v1::BlockedReason BlockedBy(Stream& stream, int partition) {
    stream.sink->Take();
    Advance(options_.heartbeat_interval);
    for (const auto& message : stream.sink->Take()) {
      for (const auto& blocked : message.heartbeat().blocked()) {
        if (blocked.partition() == partition) return blocked.reason();
      }
    }
    return v1::BLOCKED_REASON_UNSPECIFIED;
  }
};

// ---- Before the group is joined.

TEST_F(GroupLettersTest, TheirTopicsArePreparedBeforeTheGroupIsJoined) {
  Start();
  EXPECT_THAT(dead_letters_.prepared(), ElementsAre(Pair(kGroup, ElementsAre(kTopic))));
}

TEST_F(GroupLettersTest, WhereTheyCannotBeTheStreamIsRefusedAndNothingIsJoined) {
  dead_letters_.SetPrepareError(Denied());
  Stream& stream = Start();
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE);
  EXPECT_THAT(stream.sink->Take(), IsEmpty());
  EXPECT_EQ(group().members(), 0);
  EXPECT_EQ(kafka_.live_consumers(), 0);
}

TEST_F(GroupLettersTest, WhoWantsNoneNeedsNoTopics) {
  dead_letters_.SetPrepareError(Denied());
  options_.settling.dead_letters = false;
  EXPECT_EQ(Start().sink->closed(), absl::nullopt);
  EXPECT_THAT(dead_letters_.prepared(), IsEmpty());
}

TEST_F(GroupLettersTest, TopicsThatAppearArePreparedBeforeTheyAreJoined) {
  options_.source.topics.clear();
  Stream& stream = Start();
  stream.sink->Take();
  kafka_.AddTopic("meeting-events", 1);
  kafka_.Append("meeting-events", 0, "{}");
  dead_letters_.SetPrepareError(Away());
  Advance(absl::Seconds(30));
  Advance(absl::Seconds(5));
  EXPECT_THAT(Written(), IsEmpty()) << "not joined yet";
  EXPECT_GE(dead_letters_.prepared().size(), 3u) << "tried again";
  EXPECT_LE(dead_letters_.prepared().size(), 9u) << "but not without a pause";
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  dead_letters_.SetPrepareError(absl::OkStatus());
  Advance(absl::Seconds(1));
  EXPECT_THAT(dead_letters_.prepared().back().second, ElementsAre(kTopic, "meeting-events"));
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:0"));
}

TEST_F(GroupLettersTest, ATopicThatAppearsAndHasNoneEndsTheStream) {
  options_.source.topics.clear();
  Stream& stream = Start();
  kafka_.AddTopic("meeting-events", 1);
  dead_letters_.SetPrepareError(Denied());
  Advance(absl::Seconds(30));
  Advance(absl::Seconds(1));
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE);
}

// ---- What becomes one.

TEST_F(GroupLettersTest, WhatTheClientGivesUpIsWrittenAndThenSettled) {
  Append(0, 2);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  dead_letters_.Hold();
  EXPECT_THAT(GiveUp(events.at(0).token, "no such document"), IsEmpty());
  Acknowledge({events.at(1).token});
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 0) << "not written yet";
  dead_letters_.Answer();
  Run();
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 2);
  ASSERT_THAT(dead_letters_.written(), SizeIs(1));
  const DeadLetter letter = dead_letters_.written()[0];
  EXPECT_EQ(letter.group, kGroup);
  EXPECT_EQ(letter.reason, "no such document");
  EXPECT_EQ(letter.deliveries, 1);
  EXPECT_EQ(letter.record.view().topic, kTopic);
  EXPECT_EQ(letter.record.view().offset, 0);
  EXPECT_EQ(letter.record.view().key, "k");
  EXPECT_EQ(letter.record.view().value, fakes::DocumentJson(0));
}

TEST_F(GroupLettersTest, WhatCannotBeDecodedIsAndItsNeighboursAreDelivered) {
  Append(0, 1);
  kafka_.Append(kTopic, 0, "no JSON");
  Append(0, 1);
  Stream& stream = Start();
  const auto messages = stream.sink->Take();
  EXPECT_THAT(Places(messages), ElementsAre("0:0", "0:2"));
  ASSERT_THAT(dead_letters_.written(), SizeIs(1));
  EXPECT_EQ(dead_letters_.written()[0].reason, "undecodable");
  EXPECT_EQ(dead_letters_.written()[0].deliveries, 0);
  for (const Event& event : Events(messages)) Acknowledge({event.token});
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 3);
}

TEST_F(GroupLettersTest, WithoutThemItIsDeliveredAndGivingUpIsRefused) {
  options_.settling.dead_letters = false;
  kafka_.Append(kTopic, 0, "no JSON");
  Stream& stream = Start();
  const auto messages = stream.sink->Take();
  ASSERT_THAT(Places(messages), ElementsAre("0:0"));
  const std::string token = Events(messages).at(0).token;
  const auto errors = GiveUp(token);
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_EQ(errors[0].reason, v1::ERROR_REASON_DEAD_LETTER_DISABLED);
  EXPECT_THAT(Acknowledge({token}), IsEmpty()) << "it is with the client as before";
}

TEST_F(GroupLettersTest, TheLastAttemptIsFollowedByALetterAndNeighboursHaveNotFailed) {
  options_.settling.max_failures = 3;
  Append(0, 3);
  Stream& stream = Start();
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const auto messages = stream.sink->Take();
    const auto events = Events(messages);
    ASSERT_THAT(Places(messages), ElementsAre("0:0", "0:1", "0:2"));
    EXPECT_EQ(events[0].attempt, attempt);
    EXPECT_EQ(events[1].attempt, 1);
    EXPECT_THAT(Written(), IsEmpty());
    EXPECT_THAT(Retry(events[0].token, absl::ZeroDuration()), IsEmpty());
  }
  EXPECT_THAT(Written(), ElementsAre(0));
  EXPECT_EQ(dead_letters_.written()[0].deliveries, 3);
  EXPECT_EQ(dead_letters_.written()[0].reason, "max_delivery_attempts");
  EXPECT_THAT(Places(stream.sink->Take()), IsEmpty()) << "the others are with the client";
}

// ---- Where they cannot be written.

TEST_F(GroupLettersTest, ThePartitionIsBlockedVisiblyAndGoesOnDelivering) {
  options_.settling.max_events = 3;
  dead_letters_.SetWriteError(Away());
  Append(0, 1);
  Stream& stream = Start();
  GiveUp(Events(stream.sink->Take()).at(0).token);
  for (int i = 0; i < 5; ++i) kafka_.Append(kTopic, 0, "no JSON");
  Append(0, 2);
  EXPECT_EQ(BlockedBy(stream, 0), v1::BLOCKED_REASON_DEAD_LETTER_UNWRITABLE);
  EXPECT_EQ(Committed(0), 0);
  dead_letters_.SetWriteError(absl::OkStatus());
  Advance(absl::Seconds(60));
  EXPECT_THAT(Written(), SizeIs(6));
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 6);
  EXPECT_EQ(BlockedBy(stream, 0), v1::BLOCKED_REASON_UNSETTLED);
}

TEST_F(GroupLettersTest, ItIsTriedAgainLaterAndLater) {
  dead_letters_.Hold();
  Append(0, 1);
  Stream& stream = Start();
  GiveUp(Events(stream.sink->Take()).at(0).token);
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    ASSERT_TRUE(dead_letters_.Answer(Away()));
    Run();
    Advance(absl::Seconds(seconds) - absl::Milliseconds(1));
    EXPECT_EQ(dead_letters_.waiting(), 0u) << seconds;
    Advance(absl::Milliseconds(1));
    EXPECT_EQ(dead_letters_.waiting(), 1u) << seconds;
  }
  dead_letters_.Answer();
  Run();
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 1);
}

// ---- Ends.

TEST_F(GroupLettersTest, ADrainWaitsForThoseBeingWritten) {
  dead_letters_.Hold();
  Append(0, 1);
  Stream& stream = Start();
  GiveUp(Events(stream.sink->Take()).at(0).token);
  stream.group->Drain(absl::Seconds(25));
  Run();
  Advance(absl::Seconds(10));
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  dead_letters_.Answer();
  Run();
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(Committed(0), 1);
}

TEST_F(GroupLettersTest, ADrainDoesNotWaitForThoseThatCannotBe) {
  dead_letters_.SetWriteError(Away());
  Append(0, 1);
  Stream& stream = Start();
  GiveUp(Events(stream.sink->Take()).at(0).token);
  stream.group->Drain(absl::Seconds(25));
  Run();
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(Committed(0), 0) << "it comes again";
}

TEST_F(GroupLettersTest, ADrainDoesNotWaitForEverForAnAnswer) {
  dead_letters_.Hold();
  Append(0, 1);
  Stream& stream = Start();
  GiveUp(Events(stream.sink->Take()).at(0).token);
  stream.group->Drain(absl::Seconds(25));
  Run();
  Advance(Group::kDrainSettling);
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SERVER_DRAINING);
  dead_letters_.Answer();
  Run();
  EXPECT_EQ(Committed(0), 0) << "too late, and without harm";
}

TEST_F(GroupLettersTest, ABoundedReadsMemberStaysUntilTheyAreWritten) {
  dead_letters_.Hold();
  options_.reader.stop_at_end = true;
  kafka_.Append(kTopic, 0, "no JSON");
  Stream& stream = Start();
  ASSERT_TRUE(stream.sink->closed().has_value());
  EXPECT_TRUE(stream.sink->closed()->ok());
  Advance(absl::Seconds(10));
  EXPECT_EQ(group().members(), 1);
  dead_letters_.Answer();
  Run();
  EXPECT_EQ(group().members(), 0);
  EXPECT_EQ(Committed(0), 1);
}

TEST_F(GroupLettersTest, OneWhoseClientIsGoneIsWaitedForShortly) {
  dead_letters_.Hold();
  Append(0, 2);
  Stream& stream = Start();
  GiveUp(Events(stream.sink->Take()).at(0).token);
  stream.group->OnGone();
  Run();
  EXPECT_EQ(group().members(), 1);
  dead_letters_.Answer();
  Run();
  EXPECT_EQ(group().members(), 0);
  EXPECT_EQ(Committed(0), 1);
}

TEST_F(GroupLettersTest, OneOfAPartitionThatIsGoneSettlesNothing) {
  dead_letters_.Hold();
  Append(0, 1);
  Stream& stream = Start();
  GiveUp(Events(stream.sink->Take()).at(0).token);
  group().LoseAssignments();
  Run();
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:0")) << "it comes again";
  dead_letters_.Answer();
  Run();
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 0);
}

}  // namespace
}  // namespace eventbus::bus
