#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "server/bus/group.h"
#include "tests/unit/bus/group_fixture.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(ExplicitGroupTest, WhatIsNotAcknowledgedComesAgainToTheNextReader) {
  Append(0, 3);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_THAT(Acknowledge({events[0].token}), IsEmpty());
  stream.group->OnGone();
  Run();
  EXPECT_EQ(Committed(0), 1);
  EXPECT_THAT(Places(Start().sink->Take()), ElementsAre("0:1", "0:2"));
}

TEST_F(ExplicitGroupTest, WhatIsAcknowledgedOutOfOrderDoesNotComeAgain) {
  Append(0, 4);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  EXPECT_THAT(Acknowledge({events[1].token, events[3].token}), IsEmpty());
  EXPECT_EQ(Committed(0), 0);
  stream.group->OnGone();
  Run();
  EXPECT_THAT(Places(Start().sink->Take()), ElementsAre("0:0", "0:2"));
}

TEST_F(ExplicitGroupTest, NorDoesItWhereRetentionTookTheGroupsOffset) {
  Append(0, 6);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  EXPECT_THAT(Acknowledge({events[2].token, events[4].token}), IsEmpty());
  stream.group->OnGone();
  Run();
  EXPECT_EQ(Committed(0), 0);
  kafka_.Truncate(kTopic, 0, 3);
  const auto messages = Start().sink->Take();
  EXPECT_EQ(messages.at(1).gap().next_offset(), 3);
  EXPECT_THAT(Places(messages), ElementsAre("0:3", "0:5"));
}

// Settled past the group's offset, which retention took with more behind it.
class ExplicitGapTest : public ExplicitGroupTest {
 protected:
  ExplicitGapTest() {
    Append(0, 6);
    Stream& stream = Start();
    EXPECT_THAT(Acknowledge({Events(stream.sink->Take()).at(4).token}), IsEmpty());
    stream.group->OnGone();
    Run();
    kafka_.Truncate(kTopic, 0, 3);
  }
};

TEST_F(ExplicitGapTest, UnderGapPolicyLatestAllUpToTheEndIsPassedOver) {
  options_.member.gap_policy = GapPolicy::kLatest;
  Stream& stream = Start();
  const auto messages = stream.sink->Take();
  EXPECT_EQ(messages.at(1).gap().first_offset(), 0);
  EXPECT_EQ(messages.at(1).gap().next_offset(), 6);
  Append(0, 1);
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:6"));
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 6);
}

// Nobody has been told: whoever reads next is.
TEST_F(ExplicitGroupTest, AGapThatIsNotWrittenIsToldToTheNextReader) {
  for (const bool explicit_mode : {true, false}) {
    const int partition = explicit_mode ? 0 : 1;
    options_.ack_mode = explicit_mode ? AckMode::kExplicit : AckMode::kAuto;
    group().SetCommitted({kTopic, partition}, 0);
    Append(partition, 6);
    kafka_.Truncate(kTopic, partition, 3);
    streams_.push_back(std::make_unique<Stream>());
    Stream& stream = *streams_.back();
    stream.stalled = true;  // From its first message on.
    stream.group = Group::Make(context_, registry_, options_, stream.sink);
    stream.group->Start();
    Run();
    Advance(absl::Seconds(2));
    stream.group->OnGone();
    Run();
    EXPECT_EQ(Committed(partition), explicit_mode ? 3 : 0);
    Stream& next = Start();
    const auto messages = next.sink->Take();
    EXPECT_EQ(messages.at(1).gap().first_offset(), 0);
    EXPECT_EQ(messages.at(1).gap().next_offset(), 3);
    next.group->OnGone();
    Run();
    EXPECT_EQ(Committed(partition), explicit_mode ? 3 : 6);
  }
}

// What a client has settled says that it has read what went before it; that something was written
// to it says nothing.
class UnreadGapTest : public ExplicitGroupTest {
 protected:
  UnreadGapTest() {
    group().SetCommitted({kTopic, 0}, 0);
    Append(0, 6);
    kafka_.Truncate(kTopic, 0, 3);
    options_.settling.max_events = 2;
  }

  static std::vector<std::string> Gaps(const std::vector<v1::SubscribeResponse>& messages) {
    std::vector<std::string> gaps;
    for (const auto& message : messages) {
      if (!message.has_gap()) continue;
      EXPECT_EQ(message.gap().cause(), v1::GAP_CAUSE_RETENTION);
      gaps.push_back(absl::StrCat(message.gap().partition(), ":", message.gap().first_offset(), "-",
                                  message.gap().next_offset()));
    }
    return gaps;
  }
  // A client that takes everything that is written, and goes; what it was sent.
  std::vector<v1::SubscribeResponse> ReadAndVanish() {
    Stream& stream = Start();
    auto messages = stream.sink->Take();
    Vanish(stream);
    return messages;
  }
  void Vanish(Stream& stream) {
    stream.group->OnGone();
    Run();
  }
};

TEST_F(UnreadGapTest, IsToldToTheNextReader) {
  EXPECT_THAT(Gaps(ReadAndVanish()), ElementsAre("0:0-3"));
  EXPECT_EQ(Committed(0), 3);
  const auto messages = ReadAndVanish();
  EXPECT_THAT(Gaps(messages), ElementsAre("0:0-3"));
  EXPECT_THAT(Places(messages), ElementsAre("0:3", "0:4"));
}

TEST_F(UnreadGapTest, IsToldOnceSomethingIsSettledThatCameAfterIt) {
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_THAT(Retry(events[1].token, absl::Minutes(1)), IsEmpty());
  Vanish(stream);
  EXPECT_THAT(Gaps(ReadAndVanish()), IsEmpty());
}

TEST_F(UnreadGapTest, OfWhateverPartition) {
  Append(1, 1);
  options_.settling.max_events = 10;
  Stream& stream = Start();
  for (const auto& event : Events(stream.sink->Take())) {
    if (event.place != "1:0") continue;
    EXPECT_THAT(Acknowledge({event.token}), IsEmpty());
  }
  Vanish(stream);
  EXPECT_THAT(Gaps(ReadAndVanish()), IsEmpty());
}

// Met while reading: what the client had before says nothing of it.
TEST_F(UnreadGapTest, NotByWhatCameBeforeIt) {
  Stream& stream = Start();
  auto events = Events(stream.sink->Take());
  ASSERT_THAT(events, SizeIs(2));
  Append(0, 4);
  kafka_.Truncate(kTopic, 0, 8);
  EXPECT_THAT(Acknowledge({events[0].token}), IsEmpty());
  EXPECT_THAT(Acknowledge({events[1].token}), IsEmpty());
  const auto messages = stream.sink->Take();
  EXPECT_THAT(Gaps(messages), ElementsAre("0:5-8"));
  EXPECT_THAT(Acknowledge({events[1].token}), IsEmpty()) << "again";
  Vanish(stream);
  EXPECT_THAT(Gaps(ReadAndVanish()), ElementsAre("0:5-8"));
}

TEST_F(UnreadGapTest, WithWhatRetentionTookSince) {
  ReadAndVanish();
  kafka_.Truncate(kTopic, 0, 5);
  EXPECT_THAT(Gaps(ReadAndVanish()), ElementsAre("0:0-3", "0:3-5"));
}

// Who is to fail on what is lost fails on that, too, and leaves it to be told.
TEST_F(UnreadGapTest, AndUnderGapPolicyFail) {
  ReadAndVanish();
  options_.member.gap_policy = GapPolicy::kFail;
  for (int i = 0; i < 2; ++i) {
    Stream& stream = Start();
    EXPECT_THAT(Gaps(stream.sink->Take()), ElementsAre("0:0-3"));
    EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_RESUME_POSITION_EXPIRED);
  }
}

TEST_F(UnreadGapTest, AnAutoStreamTellsItAndThenItCounts) {
  ReadAndVanish();
  options_.ack_mode = AckMode::kAuto;
  const auto messages = ReadAndVanish();
  EXPECT_THAT(Gaps(messages), ElementsAre("0:0-3"));
  EXPECT_EQ(Committed(0), 6);
  EXPECT_THAT(Gaps(ReadAndVanish()), IsEmpty());
}

// What lies past the end is of no log that anybody reads: the next reader is told of others alone.
TEST_F(ExplicitGroupTest, CommitsNoteWhatRetentionTookNotAPositionPastTheEnd) {
  Append(0, 4);
  options_.settling.max_events = 2;
  options_.source.initial_position = AtOffsets{{{{kTopic, 0}, 50}}};
  const auto messages = Start().sink->Take();
  ASSERT_THAT(Kinds(messages), testing::Contains(kGap));
  kafka_.Truncate(kTopic, 0, 4);
  EXPECT_THAT(Acknowledge({BatchToken(messages)}), IsEmpty());
  Advance(absl::Seconds(2));
  EXPECT_EQ(Committed(0), 4);
  EXPECT_THAT(Metadata(0).gaps, ElementsAre(Span{2, 4}));
}

TEST_F(ExplicitGroupTest, AGapThatIsMetWhileReadingAndNotWrittenIsToldToTheNextReader) {
  Append(0, 4);
  options_.settling.max_events = 2;
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  ASSERT_THAT(events, SizeIs(2));
  kafka_.Truncate(kTopic, 0, 4);
  stream.stalled = true;
  Acknowledge({events[0].token, events[1].token});
  Advance(absl::Seconds(2));
  stream.group->OnGone();
  Run();
  const auto messages = Start().sink->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kStarted, kGap, kCaughtUp));
  EXPECT_EQ(messages[1].gap().first_offset(), 2);
  EXPECT_EQ(messages[1].gap().next_offset(), 4);
}

TEST_F(ExplicitGapTest, UnderGapPolicyFailTheGroupKeepsWhatItHas) {
  options_.member.gap_policy = GapPolicy::kFail;
  Stream& stream = Start();
  EXPECT_THAT(Kinds(stream.sink->Take()), ElementsAre(kStarted, kGap));
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_RESUME_POSITION_EXPIRED);
  EXPECT_EQ(Committed(0), 0);
  options_.member.gap_policy = GapPolicy::kEarliest;
  EXPECT_THAT(Places(Start().sink->Take()), ElementsAre("0:3", "0:5"));
}

// All that it had is in memory, and nobody else has read it.
TEST_F(ExplicitGroupTest, APartitionThatComesBackGoesOnWhateverRetentionTook) {
  kafka_.AddTopic(kTopic, 1);
  Append(0, 6);
  options_.settling.max_events = 4;
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  ASSERT_THAT(events, SizeIs(4));
  Acknowledge({events[0].token});
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 1);
  kafka_.Truncate(kTopic, 0, 3);
  Stream& other = Start();
  other.group->OnGone();
  Run();
  EXPECT_THAT(Acknowledge({events[1].token, events[2].token, events[3].token}), IsEmpty());
  const auto messages = stream.sink->Take();
  EXPECT_THAT(Places(messages), ElementsAre("0:4", "0:5"));
  for (const int kind : Kinds(messages)) EXPECT_NE(kind, kGap) << "nothing was missed";
}

TEST_F(ExplicitGroupTest, AndTellsAGapOfWhatItHasNotRead) {
  kafka_.AddTopic(kTopic, 1);
  Append(0, 6);
  options_.settling.max_events = 2;
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  kafka_.Truncate(kTopic, 0, 5);
  Stream& other = Start();
  other.group->OnGone();
  Run();
  EXPECT_THAT(Acknowledge({events[0].token, events[1].token}), IsEmpty());
  std::vector<v1::Gap> gaps;
  const auto messages = stream.sink->Take();
  for (const auto& message : messages) {
    if (message.has_gap()) gaps.push_back(message.gap());
  }
  ASSERT_THAT(gaps, SizeIs(1));
  EXPECT_EQ(gaps[0].first_offset(), 2);
  EXPECT_EQ(gaps[0].next_offset(), 5);
  EXPECT_THAT(Places(messages), ElementsAre("0:5"));
}

TEST_F(ExplicitGroupTest, ABatchsTokenSettlesItAndTheIntervalCommits) {
  Append(0, 4);
  Stream& stream = Start();
  EXPECT_THAT(Acknowledge({BatchToken(stream.sink->Take())}), IsEmpty());
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 4);
}

TEST_F(ExplicitGroupTest, UnderAutoThereAreNoTokens) {
  options_.ack_mode = AckMode::kAuto;
  Append(0, 1);
  const auto messages = Start().sink->Take();
  EXPECT_EQ(Events(messages).at(0).token, "");
  EXPECT_EQ(BatchToken(messages), "");
}

TEST_F(ExplicitGroupTest, ReadingStopsAtTheMostOutstandingAndGoesOn) {
  options_.settling.max_events = 2;
  Append(0, 5);
  Stream& stream = Start();
  auto events = Events(stream.sink->Take());
  ASSERT_THAT(events, SizeIs(2));
  Acknowledge({events[0].token, events[1].token});
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:2", "0:3"));
}

TEST_F(ExplicitGroupTest, APartitionWithTooMuchBehindOneEventHoldsUpNoOther) {
  options_.settling.max_span = 4;
  Append(0, 8);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  ASSERT_THAT(events, SizeIs(4));
  Acknowledge({events[1].token, events[2].token, events[3].token});
  EXPECT_THAT(Places(stream.sink->Take()), IsEmpty());
  Append(1, 2);
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("1:0", "1:1"));
  Acknowledge({events[0].token});
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:4", "0:5", "0:6", "0:7"));
}

TEST_F(ExplicitGroupTest, AnEventThatIsNotAcknowledgedInTimeEndsTheStream) {
  Append(0, 2);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  Acknowledge({events[0].token});
  Advance(absl::Minutes(29));
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  Advance(absl::Minutes(1));
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_ACK_TIMEOUT);
  EXPECT_EQ(group().members(), 0);
  EXPECT_EQ(Committed(0), 1);
}

TEST_F(ExplicitGroupTest, HeartbeatsSayHowLongTheOldestHasWaited) {
  Append(0, 1);
  Stream& stream = Start();
  const auto token = BatchToken(stream.sink->Take());
  Advance(absl::Seconds(15));
  auto messages = stream.sink->Take();
  ASSERT_THAT(Kinds(messages), ElementsAre(kHeartbeat));
  EXPECT_EQ(messages[0].heartbeat().oldest_unacknowledged().seconds(), 15);
  Acknowledge({token});
  Advance(absl::Seconds(15));
  EXPECT_FALSE(stream.sink->Take().at(0).heartbeat().has_oldest_unacknowledged());
}

TEST_F(ExplicitGroupTest, TokensOfAStreamThatIsGoneAreNotOwned) {
  Append(0, 1);
  Stream& stream = Start();
  const auto token = BatchToken(stream.sink->Take());
  stream.group->OnGone();
  Run();
  EXPECT_EQ(Acknowledge({token}).at(0).reason, v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED);
}

// With an eager assignor every join takes every partition from everybody.
TEST_F(ExplicitGroupTest, AJoinRedeliversOnlyWhatMoves) {
  Append(0, 2);
  Append(1, 2);
  Stream& first = Start();
  const auto before = Events(first.sink->Take());
  ASSERT_THAT(before, SizeIs(4));
  Stream& second = Start();
  const auto moved = Places(second.sink->Take());
  EXPECT_THAT(moved, SizeIs(2));
  EXPECT_THAT(Places(first.sink->Take()), IsEmpty()) << "what it keeps is with its client already";
  for (const auto& event : before) {
    const bool went = event.place.substr(0, 1) == moved[0].substr(0, 1);
    EXPECT_THAT(Acknowledge({event.token}), SizeIs(went ? 1 : 0)) << event.place;
  }
}

TEST_F(ExplicitGroupTest, WhatIsSettledDuringARebalanceIsCommittedAfterIt) {
  Append(0, 2);
  Append(1, 2);
  Stream& first = Start();
  const auto events = Events(first.sink->Take());
  Stream& guest = Start();
  guest.group->OnGone();
  executor_.Run();  // The partitions are on their way back: their starts are being looked up.
  std::vector<std::string> tokens;
  for (const auto& event : events) tokens.push_back(event.token);
  const auto errors = Acknowledge(tokens);
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0) + Committed(1), 4 - static_cast<int>(errors.size()));
}

// Settled while a rebalance had the partition, and the stream ends before that is over.
class EndInARebalanceTest : public ExplicitGroupTest {
 protected:
  // Without the look-ups that would end the rebalance.
  void SettleNow(const std::string& token) {
    acks_.Settle({{token}, {}, {}},
                 [this](const std::vector<AckError>& errors) { accepted_ = errors.empty(); });
    executor_.Run();
    EXPECT_TRUE(accepted_);
  }

  // An event of partition 0 is settled in a rebalance that another member does not let end.
  Stream& SettleInOneThatLasts() {
    Append(0, 1);
    Stream& stream = Start();
    const auto token = BatchToken(stream.sink->Take());
    group().Join({kTopic});
    Run();
    group().Join({kTopic});  // The one before does not let go.
    executor_.Run();
    SettleNow(token);
    return stream;
  }

  bool accepted_ = false;
};

TEST_F(EndInARebalanceTest, ItIsCommittedOnceThePartitionIsBack) {
  Append(0, 1);
  Stream& stream = Start();
  const auto token = BatchToken(stream.sink->Take());
  group().Join({kTopic});
  executor_.Run();
  SettleNow(token);
  stream.group->OnHalfClose();
  executor_.Run();
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  Run();
  EXPECT_EQ(stream.sink->closed(), absl::OkStatus());
  EXPECT_EQ(Committed(0), 1);
}

TEST_F(EndInARebalanceTest, WhereThePartitionGoesElsewhereItIsNotOk) {
  Append(1, 1);
  Stream& stream = Start();
  const auto token = BatchToken(stream.sink->Take());
  group().Join({kTopic});
  executor_.Run();
  SettleNow(token);
  stream.group->OnHalfClose();
  Run();
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_KAFKA_UNAVAILABLE);
  EXPECT_EQ(Committed(1), 0);
}

TEST_F(EndInARebalanceTest, NorWhereTheRebalanceLastsTooLong) {
  Stream& stream = SettleInOneThatLasts();
  stream.group->OnHalfClose();
  executor_.Run();
  Advance(Group::kRebalancePatience - absl::Milliseconds(1));
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  Advance(absl::Milliseconds(1));
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_KAFKA_UNAVAILABLE);
}

TEST_F(EndInARebalanceTest, ADrainHasItsOwnTime) {
  Stream& stream = SettleInOneThatLasts();
  stream.group->Drain(absl::Seconds(2));
  executor_.Run();
  Advance(absl::Seconds(1));
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SERVER_DRAINING);
}

TEST_F(EndInARebalanceTest, AndCutsTheWaitShort) {
  Stream& stream = SettleInOneThatLasts();
  stream.group->OnHalfClose();
  executor_.Run();
  stream.group->Drain(absl::Seconds(2));
  executor_.Run();
  Advance(absl::Seconds(1));
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_KAFKA_UNAVAILABLE);
}

TEST_F(EndInARebalanceTest, WhatWasSettledBeforeItIsNotWaitedFor) {
  Append(0, 1);
  Stream& stream = Start();
  EXPECT_THAT(Acknowledge({BatchToken(stream.sink->Take())}), IsEmpty());
  group().Join({kTopic});
  executor_.Run();
  stream.group->OnHalfClose();
  executor_.Run();
  Run();
  EXPECT_EQ(stream.sink->closed(), absl::OkStatus());
  EXPECT_EQ(Committed(0), 1);
}

// One terminal can receive, then acknowledge.
TEST_F(ExplicitGroupTest, ABoundedReadEndsAndItsMemberStaysUntilAllIsSettled) {
  Append(0, 3);
  options_.reader.max_events = 2;
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  ASSERT_TRUE(stream.sink->closed().has_value());
  EXPECT_TRUE(stream.sink->closed()->ok());
  stream.group->OnGone();  // As gRPC tells once the call is done.
  stream.group = nullptr;
  Run();
  EXPECT_EQ(group().members(), 1);
  EXPECT_THAT(Acknowledge({events[0].token}), IsEmpty());
  EXPECT_EQ(group().members(), 1);
  EXPECT_THAT(Acknowledge({events[1].token}), IsEmpty());
  EXPECT_EQ(group().members(), 0);
  EXPECT_EQ(Committed(0), 2);
  streams_.clear();
}

TEST_F(ExplicitGroupTest, ABoundedReadOfATopicThatIsMadeAgainEndsWithThatOne) {
  Append(0, 5);
  options_.reader.stop_at_end = true;
  options_.settling.max_events = 2;
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  ASSERT_THAT(events, SizeIs(2));
  kafka_.Recreate(kTopic);
  Append(0, 1);
  Acknowledge({events[0].token, events[1].token});
  const auto messages = stream.sink->Take();
  EXPECT_EQ(messages.at(0).gap().cause(), v1::GAP_CAUSE_PAST_END);
  EXPECT_THAT(Places(messages), ElementsAre("0:0"));
  EXPECT_EQ(stream.sink->closed(), absl::OkStatus());
}

// The stream has said OK before: what was settled comes again, and nobody is told.
TEST_F(ExplicitGroupTest, WhoseReadHasEndedIsNotToldOfALastCommitThatFails) {
  Append(0, 2);
  options_.reader.max_events = 2;
  Stream& stream = Start();
  const auto token = BatchToken(stream.sink->Take());
  EXPECT_EQ(stream.sink->closed(), absl::OkStatus());
  group().SetError(MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  EXPECT_THAT(Acknowledge({token}), IsEmpty());
  Advance(Group::kLinger);
  EXPECT_EQ(group().members(), 0);
  group().SetError(absl::OkStatus());
  EXPECT_THAT(Places(Start().sink->Take()), ElementsAre("0:0", "0:1"));
}

TEST_F(ExplicitGroupTest, AMemberWhoseReadEndedDoesNotStayForEver) {
  Append(0, 2);
  options_.reader.max_events = 2;
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  Acknowledge({events[0].token});
  Advance(Group::kLinger);
  EXPECT_EQ(group().members(), 0);
  EXPECT_EQ(Committed(0), 1);
  EXPECT_EQ(Acknowledge({events[1].token}).at(0).reason, v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED);
}

TEST_F(ExplicitGroupTest, ADrainWaitsForWhatIsWithTheClient) {
  Append(0, 2);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  stream.group->Drain(absl::Seconds(25));
  Advance(absl::Seconds(5));
  EXPECT_THAT(Kinds(stream.sink->Take()), ElementsAre(kDraining));
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  EXPECT_THAT(Acknowledge({events[0].token, events[1].token}), IsEmpty());
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(Committed(0), 2);
}

TEST_F(ExplicitGroupTest, ADrainDoesNotWaitForEver) {
  Append(0, 2);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  stream.group->Drain(absl::Seconds(25));
  Acknowledge({events[1].token});
  Advance(Group::kDrainSettling - absl::Milliseconds(1));
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  Advance(absl::Milliseconds(1));
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_THAT(Places(Start().sink->Take()), ElementsAre("0:0"));
}

TEST_F(ExplicitGroupTest, AnEndWhoseLastCommitFailedIsNotOk) {
  Append(0, 1);
  Stream& stream = Start();
  EXPECT_THAT(Acknowledge({BatchToken(stream.sink->Take())}), IsEmpty());
  group().SetError(MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  stream.group->OnHalfClose();
  Run();
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_KAFKA_UNAVAILABLE);
  EXPECT_THAT(std::string(stream.sink->closed()->message()), testing::HasSubstr("away"));
}

TEST_F(ExplicitGroupTest, ADrainKeepsItsReasonThen) {
  Append(0, 1);
  Stream& stream = Start();
  EXPECT_THAT(Acknowledge({BatchToken(stream.sink->Take())}), IsEmpty());
  group().SetError(MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  stream.group->Drain(absl::Seconds(25));
  Run();
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SERVER_DRAINING);
}

// Each has threads of its own: no number of streams bounds them.
TEST_F(ExplicitGroupTest, WhereTooManyLingerTheStreamStaysOpenUntilItsEventsAreSettled) {
  class Idle final : public LiveStream {
    void Drain(absl::Duration) override {}
    void Wake() override {}
  };
  std::vector<std::shared_ptr<Idle>> others;
  for (std::size_t i = 0; i < GroupRegistry::kMostKept; ++i) {
    others.push_back(std::make_shared<Idle>());
    EXPECT_TRUE(registry_.Keep(others.back()));
  }
  EXPECT_FALSE(registry_.Keep(std::make_shared<Idle>()));
  Append(0, 1);
  options_.reader.max_events = 1;
  Stream& stream = Start();
  const auto token = BatchToken(stream.sink->Take());
  EXPECT_EQ(stream.sink->closed(), absl::nullopt);
  EXPECT_THAT(Acknowledge({token}), IsEmpty());
  EXPECT_EQ(stream.sink->closed(), absl::OkStatus());
  for (const auto& each : others) registry_.Drop(each.get());
}

TEST_F(ExplicitGroupTest, AMemberThatLingersIsDrained) {
  Append(0, 1);
  options_.reader.max_events = 1;
  Start();
  registry_.Drain(absl::Seconds(4));
  Run();
  EXPECT_EQ(group().members(), 1);
  Advance(absl::Seconds(3));
  EXPECT_EQ(group().members(), 0);
}

TEST_F(ExplicitGroupTest, FilteredRecordsAreCommittedAndCostNoWindow) {
  options_.settling.max_events = 1;
  options_.reader.filter = *Filter::Parse({"document.indexed"}, fakes::Schema::Get().catalog);
  Stream& stream = Start();
  Append(0, 5);
  Advance(absl::Seconds(1));
  EXPECT_THAT(Places(stream.sink->Take()), IsEmpty());
  EXPECT_EQ(Committed(0), 5);
}

// Streams that come, go, are lost and drained, acknowledgements in any order, under random
// schedules: what was accepted while no rebalance was under way never comes again, and everything
// is accepted in the end.
TEST_F(ExplicitGroupTest, WhatWasAcceptedNeverComesAgainUnderRandomSchedules) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    options_.source.group_id = absl::StrCat("group-", seed);
    options_.reader.batch.max_events = 1 + static_cast<int>(random() % 5);
    options_.settling.max_events = 1 + static_cast<int>(random() % 40);
    std::set<std::string> accepted;
    std::vector<Event> with_clients;
    const auto settle = [&](std::size_t which) {
      const Event event = with_clients[which];
      with_clients.erase(with_clients.begin() + static_cast<std::ptrdiff_t>(which));
      if (Acknowledge({event.token}).empty()) accepted.insert(event.place);
    };
    const auto receive = [&] {
      for (auto& stream : streams_) {
        for (const Event& event : Events(stream->sink->Take())) {
          EXPECT_FALSE(accepted.contains(event.place)) << "seed " << seed << ": " << event.place;
          with_clients.push_back(event);
        }
      }
    };
    for (int step = 0; step < 120; ++step) {
      const auto what = random() % 10;
      if (what < 2) {
        Append(static_cast<int>(random() % 2), 1 + static_cast<int>(random() % 4));
      } else if (what == 2 && streams_.size() < 4) {
        Start();
      } else if (what == 3 && !streams_.empty()) {
        const auto which = static_cast<std::ptrdiff_t>(random() % streams_.size());
        streams_[static_cast<std::size_t>(which)]->group->OnGone();
        Run();
        streams_.erase(streams_.begin() + which);
      } else if (what == 4) {
        Advance(absl::Seconds(1));
      } else if (what == 5 && !streams_.empty()) {
        Stream& stream = *streams_[random() % streams_.size()];
        stream.stalled = !stream.stalled;
        Run();
      } else if (!with_clients.empty()) {
        settle(random() % with_clients.size());
      }
      receive();
    }
    for (auto& stream : streams_) stream->stalled = false;
    Start();
    receive();
    while (!with_clients.empty()) {
      settle(with_clients.size() - 1);
      receive();
    }
    Advance(absl::Seconds(1));
    for (int partition : {0, 1}) {
      const std::int64_t end = kafka_.End(kTopic, partition);
      EXPECT_EQ(kafka_.Group(options_.source.group_id).committed({kTopic, partition}), end)
          << "seed " << seed;
      for (std::int64_t offset = 0; offset < end; ++offset) {
        EXPECT_TRUE(accepted.contains(absl::StrCat(partition, ":", offset))) << "seed " << seed;
      }
    }
    for (auto& stream : streams_) stream->group->OnGone();
    Run();
    streams_.clear();
  }
}

// Another member's commit, under AUTO or a legacy one's, drops what was settled out of order.
TEST_F(ExplicitGroupTest, ACommitWithoutMetadataLeavesThePrefixAlone) {
  Append(0, 3);
  Stream& stream = Start();
  const auto events = Events(stream.sink->Take());
  Acknowledge({events[1].token});
  stream.group->OnGone();
  Run();
  group().SetCommitted({kTopic, 0}, 0);
  EXPECT_THAT(Places(Start().sink->Take()), ElementsAre("0:0", "0:1", "0:2"));
}

}  // namespace
}  // namespace eventbus::bus
