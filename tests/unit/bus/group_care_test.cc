#include "absl/strings/str_cat.h"
#include "server/bus/group.h"
#include "tests/unit/bus/group_fixture.h"

namespace eventbus::bus {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::Ge;
using testing::IsEmpty;
using testing::Le;
using testing::SizeIs;

// Servers whose streams read one after the other, each until it is killed: the process ends without
// a word to Kafka.
class GroupCareTest : public ExplicitGroupTest {
 protected:
  GroupCareTest() {
    kafka_.AddTopic(kTopic, 1);
    options_.settling.dead_letters = true;
    options_.settling.max_failures = 3;
  }

  // The next server; what its client is sent first.
  Stream& StartServer() {
    ++servers_;
    return Start();
  }
  void Kill(Stream& stream) {
    group().Kill(servers_);
    stream.stalled = true;
    Run();
  }
  // The client takes batches and settles each event in turn, until it comes to `poison`, or there
  // is nothing more. True: it has come to it. Every event but the poison must be at its first
  // attempt.
  bool WorkUntil(Stream& stream, const std::string& poison) {
    for (auto messages = stream.sink->Take(); !Events(messages).empty();
         messages = stream.sink->Take()) {
      for (const Event& event : Events(messages)) {
        if (event.place == poison) return true;
        EXPECT_EQ(event.attempt, 1) << event.place;
        EXPECT_THAT(Acknowledge({event.token}), IsEmpty());
        Advance(absl::Milliseconds(100));
      }
    }
    return false;
  }

  int servers_ = 0;
};

// Whoever hears of it first: a write that is refused says nothing of how the call ended.
TEST_F(GroupCareTest, ADeadlineIsNoDeathThoughAWriteIsRefusedBefore) {
  for (const bool died : {false, true}) {
    Append(0, 1);
    Stream& stream = Start();
    stream.sink->Break();
    Append(0, 1);
    if (died) {
      stream.group->OnGone();
    } else {
      stream.group->OnDeadline();
    }
    Run();
    const kafka::GroupOffset found = group().committed_offset({kTopic, 0});
    const Mark mark = ParseCommitMetadata(found.metadata, found.offset)->mark;
    EXPECT_FALSE(mark.open);
    EXPECT_EQ(mark.few_until > found.offset, died);
  }
}

TEST_F(GroupCareTest, AnEventThatKillsEveryServerIsALetterAndItsNeighboursHaveNotFailed) {
  Append(0, 100);
  int kills = 0;
  for (; kills < 20; ++kills) {
    Stream& stream = StartServer();
    if (!WorkUntil(stream, "0:60")) break;
    Kill(stream);
  }
  EXPECT_EQ(kills, options_.settling.max_failures + 2);
  ASSERT_THAT(dead_letters_.written(), SizeIs(1));
  EXPECT_EQ(dead_letters_.written()[0].record.view().offset, 60);
  EXPECT_EQ(dead_letters_.written()[0].reason, "max_delivery_attempts");
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 100);
}

TEST_F(GroupCareTest, SoIsOneThatKillsEveryClient) {
  Append(0, 100);
  int kills = 0;
  for (; kills < 20; ++kills) {
    Stream& stream = StartServer();
    if (!WorkUntil(stream, "0:60")) break;
    stream.group->OnGone();
    Run();
  }
  EXPECT_EQ(kills, options_.settling.max_failures + 2);
  ASSERT_THAT(dead_letters_.written(), SizeIs(1));
  EXPECT_EQ(dead_letters_.written()[0].record.view().offset, 60);
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 100);
}

// A client that settles a batch only at its end, and servers that are killed in between.
TEST_F(GroupCareTest, ServersThatAreKilledForOtherReasonsFailNobody) {
  Append(0, 100);
  for (int kills = 0; kills < 2; ++kills) {
    Stream& stream = StartServer();
    EXPECT_THAT(Events(stream.sink->Take()), SizeIs(Ge(kills == 0 ? 100u : 32u)));
    Kill(stream);
  }
  Stream& stream = StartServer();
  EXPECT_FALSE(WorkUntil(stream, "none"));
  EXPECT_THAT(dead_letters_.written(), IsEmpty());
}

TEST_F(GroupCareTest, AfterAKillAFewAreOutAndKafkaKnowsThem) {
  Append(0, 100);
  Kill(StartServer());
  EXPECT_TRUE(Metadata(0).mark.open);
  Stream& stream = StartServer();
  EXPECT_THAT(Places(stream.sink->Take()), SizeIs(Caution::kFew));
  EXPECT_EQ(Metadata(0).mark.out, (Span{0, Caution::kFew}));
  EXPECT_EQ(Metadata(0).mark.few_until, 100);
}

TEST_F(GroupCareTest, NothingGoesWhileKafkaCannotBeToldOfIt) {
  Append(0, 100);
  Kill(StartServer());
  Stream& stream = StartServer();
  const auto few = Events(stream.sink->Take());
  group().SetError(MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  for (const Event& event : few) Acknowledge({event.token});
  Advance(absl::Seconds(10));
  EXPECT_THAT(Places(stream.sink->Take()), IsEmpty());
  group().SetError(absl::OkStatus());
  Advance(absl::Seconds(1));
  EXPECT_THAT(Places(stream.sink->Take()), SizeIs(Caution::kFew));
}

TEST_F(GroupCareTest, ALostAssignmentIsAnUncleanEndToo) {
  Append(0, 100);
  Stream& stream = StartServer();
  stream.sink->Take();
  group().LoseAssignments();
  Run();
  EXPECT_THAT(Places(stream.sink->Take()), SizeIs(Caution::kFew));
}

// ---- Ends that say nothing of the events.

TEST_F(GroupCareTest, DrainHalfCloseAndDeadlineAreClean) {
  Append(0, 100);
  for (const int end : {0, 1, 2}) {
    Stream& stream = StartServer();
    EXPECT_THAT(Places(stream.sink->Take()), SizeIs(100)) << "no care before end " << end;
    if (end == 0) stream.group->Drain(absl::ZeroDuration());
    if (end == 1) stream.group->OnHalfClose();
    if (end == 2) stream.group->OnDeadline();
    Run();
    EXPECT_EQ(group().members(), 0);
    EXPECT_EQ(Metadata(0), CommitMetadata());
    EXPECT_EQ(stream.sink->closed().has_value(), end < 2);
    EXPECT_EQ(stream.sink->closed().value_or(absl::OkStatus()).ok(), end > 0);
  }
}

// The client drops its connection once it has half-closed.
TEST_F(GroupCareTest, WhoIsGoneAfterItsHalfCloseIsNotDead) {
  Append(0, 2);
  Stream& stream = StartServer();
  stream.stalled = true;
  Append(0, 1);
  stream.group->OnHalfClose();
  Run();
  stream.group->OnGone();
  Run();
  EXPECT_EQ(group().members(), 0);
  EXPECT_EQ(Metadata(0), CommitMetadata());
}

TEST_F(GroupCareTest, WhoIsGoneWithinADrainIsNotDead) {
  Append(0, 2);
  Stream& stream = StartServer();
  stream.group->Drain(absl::Seconds(25));
  Run();
  EXPECT_EQ(group().members(), 1);
  stream.group->OnGone();
  Run();
  EXPECT_EQ(group().members(), 0);
  EXPECT_EQ(Metadata(0), CommitMetadata());
}

TEST_F(GroupCareTest, WhoIsGoneWhileItsBoundedReadWaitsForItMayBe) {
  Append(0, 2);
  options_.reader.max_events = 2;
  options_.settles_on_stream = true;
  Stream& stream = StartServer();
  stream.group->OnGone();
  Run();
  EXPECT_EQ(group().members(), 0);
  EXPECT_EQ(Metadata(0).mark, (Mark{false, 2, 0, {}}));
}

TEST_F(GroupCareTest, AStalledClientsEndIsClean) {
  Append(0, 2);
  Stream& stream = StartServer();
  stream.stalled = true;
  Append(0, 1);
  Advance(Group::kStallTimeout);
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_SUBSCRIBER_TOO_SLOW);
  EXPECT_EQ(Metadata(0), CommitMetadata());
}

// ---- What was not settled in time.

TEST_F(GroupCareTest, WhatTimesOutHasFailedAndNobodyElse) {
  options_.ack_timeout = absl::Minutes(1);
  Append(0, 4);
  Stream& stream = StartServer();
  const auto events = Events(stream.sink->Take());
  Acknowledge({events[0].token, events[2].token});
  Advance(absl::Minutes(1));
  EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_ACK_TIMEOUT);
  EXPECT_THAT(Metadata(0).failures, ElementsAre(Failures{1, 1}));
  EXPECT_EQ(Metadata(0).mark, Mark());
  EXPECT_THAT(Events(StartServer().sink->Take()),
              ElementsAre(AllOf(Field(&Event::place, "0:1"), Field(&Event::attempt, 2)),
                          AllOf(Field(&Event::place, "0:3"), Field(&Event::attempt, 1))));
}

TEST_F(GroupCareTest, WhatTimesOutForGoodIsALetter) {
  options_.ack_timeout = absl::Minutes(1);
  Append(0, 2);
  for (int i = 0; i < options_.settling.max_failures; ++i) {
    Stream& stream = StartServer();
    EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:0", "0:1"));
    Advance(absl::Minutes(1));
    EXPECT_EQ(CloseReason(stream), v1::ERROR_REASON_ACK_TIMEOUT);
  }
  EXPECT_THAT(Places(StartServer().sink->Take()), ElementsAre("0:1"));
  ASSERT_THAT(dead_letters_.written(), SizeIs(1));
  EXPECT_EQ(dead_letters_.written()[0].deliveries, 3);
}

// ---- Turns.

TEST_F(GroupCareTest, ARetryWithinCareGoesOn) {
  Append(0, 3);
  Kill(StartServer());
  Stream& stream = StartServer();
  const auto events = Events(stream.sink->Take());
  ASSERT_THAT(events, SizeIs(3));
  Retry(events[0].token, absl::Seconds(1));
  EXPECT_THAT(stream.sink->Take(), IsEmpty());
  Append(0, 1);
  Advance(absl::Seconds(1));
  for (const Event& event : Events(stream.sink->Take())) Acknowledge({event.token});
  for (const Event& event : Events(stream.sink->Take())) Acknowledge({event.token});
  Advance(absl::Seconds(1));
  EXPECT_EQ(Committed(0), 4);
}

// An event too big for the batch goes in the next, within the same turn.
TEST_F(GroupCareTest, ATurnMayTakeMoreThanOneBatch) {
  for (int i = 0; i < 3; ++i) {
    kafka_.Append(kTopic, 0,
                  absl::StrCat(R"({"event_type":"document.uploaded","big":")",
                               std::string(1'200'000, 'x'), R"("})"));
  }
  Kill(StartServer());
  Stream& stream = StartServer();
  auto events = Events(stream.sink->Take());
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(Metadata(0).mark.out, (Span{0, 3}));
  for (const Event& event : events) EXPECT_THAT(Acknowledge({event.token}), IsEmpty());
  Append(0, 1);
  EXPECT_THAT(Places(stream.sink->Take()), ElementsAre("0:3"));
}

}  // namespace
}  // namespace eventbus::bus
