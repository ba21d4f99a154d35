#include "server/bus/settling.h"
#include "tests/unit/bus/settling_fixture.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Failures have a consequence.
class SettlingCareTest : public SettlingTest {
 protected:
  SettlingCareTest() { Make({.dead_letters = true, .max_failures = 100}); }
};

TEST_F(SettlingCareTest, WithoutABoundOnAttemptsNoCareIsTaken) {
  Make({.dead_letters = true});
  Add(kOne, 0, FormatCommitMetadata(Marked(Open()), 0));
  EXPECT_TRUE(Read(kOne, 0));
  EXPECT_EQ(settling_->Held()[0].careful_until, absl::nullopt);
}

TEST_F(SettlingCareTest, NothingGoesBeforeKafkaHasTheOpenMark) {
  settling_->Add(kOne, 0, 100, kafka::GroupOffset{kOne, 0, ""});
  Read(kOne, 0);
  EXPECT_THAT(Take().offsets, IsEmpty());
  EXPECT_TRUE(settling_->urgent());
  Commit();
  EXPECT_TRUE(Metadata(kOne).mark.open);
  EXPECT_FALSE(settling_->urgent());
  EXPECT_THAT(Take().offsets, ElementsAre(0));
}

TEST_F(SettlingCareTest, ACleanEndClosesTheMark) {
  Deliver(kOne, 0, 2);
  ParkOne();
  EXPECT_EQ(committed_[kOne].metadata, "");
}

TEST_F(SettlingCareTest, FoundOpenEventsGoFewAtATimeAndKafkaKnowsWhich) {
  Add(kOne, 0, FormatCommitMetadata(Marked(Open()), 0), /*end=*/50);
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(Read(kOne, i));
  EXPECT_THAT(Take().offsets, IsEmpty());
  Commit();
  EXPECT_EQ(Metadata(kOne).mark.out, (Span{0, Caution::kFew}));
  const Out few = Take();
  EXPECT_THAT(few.offsets, SizeIs(Caution::kFew));
  EXPECT_THAT(CommitAndTake().offsets, IsEmpty()) << "while the few are out";
  for (int i = 1; i < Caution::kFew / 2; ++i) Acknowledge(few.tokens[static_cast<std::size_t>(i)]);
  EXPECT_THAT(CommitAndTake().offsets, IsEmpty()) << "before half of them are settled";
  Acknowledge(few.tokens[Caution::kFew / 2]);
  EXPECT_THAT(Take().offsets, IsEmpty());
  Commit();
  EXPECT_EQ(Metadata(kOne).mark.out, (Span{0, Caution::kFew * 3 / 2})) << "with those still out";
  const Out next = Take();
  EXPECT_THAT(next.offsets, SizeIs(Caution::kFew / 2));
  Acknowledge(few.tokens.back());
  Acknowledge(next.tokens.back());
  const Out rest = CommitAndTake();
  EXPECT_EQ(Metadata(kOne).mark.out, (Span{Caution::kFew * 3 / 2, 50}));
  EXPECT_THAT(rest.offsets, SizeIs(50 - Caution::kFew * 3 / 2));
  Acknowledge(rest.tokens.back());
  EXPECT_TRUE(Read(kOne, 50)) << "no care any more";
  EXPECT_THAT(CommitAndTake().offsets, ElementsAre(50));
}

TEST_F(SettlingCareTest, OneOfTheFewThatTakesLongHoldsUpNobodyElse) {
  Add(kOne, 0, FormatCommitMetadata(Marked(Open()), 0), /*end=*/200);
  for (int i = 0; i < 200; ++i) Read(kOne, i);
  const Out first = CommitAndTake();
  for (int i = 1; i < Caution::kFew; ++i) Acknowledge(first.tokens[static_cast<std::size_t>(i)]);
  std::size_t delivered = first.offsets.size();
  for (Out next = CommitAndTake(); !next.offsets.empty(); next = CommitAndTake()) {
    EXPECT_LE(settling_->outstanding(), Caution::kFew);
    EXPECT_EQ(Metadata(kOne).mark.out, (Span{0, next.offsets.back() + 1}));
    delivered += next.offsets.size();
    Acknowledge(next.tokens.back());
  }
  EXPECT_EQ(delivered, 200u);
}

// Under a cooperative assignor the others are read on meanwhile.
TEST_F(SettlingCareTest, ATurnEndsWhenItsPartitionIsTaken) {
  Add(kOne, 0, FormatCommitMetadata(Marked(Open()), 0), /*end=*/100);
  Add(kTwo, 0, FormatCommitMetadata(Marked(Open()), 0), /*end=*/100);
  for (int i = 0; i < Caution::kFew + 8; ++i) Read(kOne, i);
  const Out few = CommitAndTake();
  ASSERT_THAT(few.offsets, SizeIs(Caution::kFew));
  ParkOne();
  for (std::size_t i = 0; i < 20; ++i) Acknowledge(few.tokens[i]);
  EXPECT_THAT(CommitAndTake().offsets, IsEmpty()) << "what is ready is no longer its own";
  for (std::size_t i = 20; i < few.offsets.size(); ++i) Acknowledge(few.tokens[i]);
  Read(kTwo, 0);
  EXPECT_THAT(CommitAndTake().offsets, ElementsAre(0));
  EXPECT_EQ(Add(kOne, 0, committed_[kOne].metadata), Caution::kFew + 8);
  EXPECT_THAT(CommitAndTake().offsets, IsEmpty()) << "another's turn";
}

// Or a server that is killed by what goes then would be taken for one that was killed by those.
TEST_F(SettlingCareTest, NothingGoesUntilKafkaKnowsThatTheTakenAreNoLongerOut) {
  Add(kOne, 0, FormatCommitMetadata(Marked(Open()), 0), /*end=*/100);
  Read(kOne, 0);
  Take();
  Commit();
  EXPECT_EQ(Metadata(kOne).mark.out, (Span{0, 1}));
  TakeBack();
  settling_->Close(kOne);
  const auto last = settling_->TakeLast();
  settling_->Park(kOne);
  Read(kTwo, 0);
  EXPECT_THAT(Take().offsets, IsEmpty());
  settling_->Committed(last);
  EXPECT_THAT(CommitAndTake().offsets, ElementsAre(0));
}

// Or a server that is killed while its client goes through them would leave as much in the dark as
// the first that was.
TEST_F(SettlingCareTest, OfTheFewThoseThatAreNotSettledStayKnown) {
  Add(kOne, 0, FormatCommitMetadata(Marked(Open()), 0), /*end=*/4);
  for (int i = 0; i < 4; ++i) Read(kOne, i);
  const Out few = CommitAndTake();
  Acknowledge(few.tokens[0]);
  Commit();
  EXPECT_EQ(Metadata(kOne).mark, (Mark{true, 4, 0, {1, 4}}));
  Acknowledge(few.tokens[3]);
  Acknowledge(few.tokens[1]);
  Commit();
  EXPECT_EQ(Metadata(kOne).mark, (Mark{true, 4, 0, {2, 4}}));
}

// One that is left of a few was not alone with the client: it has not failed.
TEST_F(SettlingCareTest, TheLastOfTheFewIsDeliveredAloneAndHasNotFailed) {
  Add(kOne, 0, FormatCommitMetadata(Marked(Open()), 0), /*end=*/3);
  for (int i = 0; i < 3; ++i) Read(kOne, i);
  const Out few = CommitAndTake();
  Acknowledge(few.tokens[0]);
  Acknowledge(few.tokens[1]);
  Commit();
  const kafka::GroupOffset found = committed_[kOne];
  Make({.dead_letters = true, .max_failures = 100});
  Add(kOne, 2, found.metadata, /*end=*/3);
  Read(kOne, 2);
  EXPECT_THAT(CommitAndTake().attempts, ElementsAre(1));
  EXPECT_EQ(Metadata(kOne).mark, (Mark{true, 3, 3, {2, 3}}));
}

TEST_F(SettlingCareTest, FoundOpenWithAFewEventsGoOneAtATime) {
  Add(kOne, 0, FormatCommitMetadata(Marked({true, 50, 0, {2, 5}}), 0));
  for (int i = 0; i < 6; ++i) EXPECT_FALSE(Read(kOne, i));
  for (int i = 0; i < 5; ++i) {
    const Out one = CommitAndTake();
    EXPECT_THAT(one.offsets, ElementsAre(i));
    EXPECT_THAT(one.attempts, ElementsAre(1)) << "nobody has failed";
    EXPECT_EQ(Metadata(kOne).mark.out, (Span{i, i + 1}));
    Acknowledge(one.tokens[0]);
  }
  EXPECT_THAT(CommitAndTake().offsets, ElementsAre(5));
}

TEST_F(SettlingCareTest, FoundOpenWithOneThatEventHasFailed) {
  Add(kOne, 0, FormatCommitMetadata(Marked({true, 50, 5, {2, 3}}), 0));
  EXPECT_THAT(Metadata(kOne).failures, ElementsAre(Failures{2, 1}));
  for (int i = 0; i < 3; ++i) Read(kOne, i);
  for (int i = 0; i < 3; ++i) {
    const Out one = CommitAndTake();
    EXPECT_THAT(one.attempts, ElementsAre(i == 2 ? 2 : 1));
    Acknowledge(one.tokens[0]);
  }
}

TEST_F(SettlingCareTest, WhileCareIsTakenNothingOfOtherPartitionsIsOutBeside) {
  Add(kOne, 0, FormatCommitMetadata(Marked(Open()), 0));
  Read(kOne, 0);
  Read(kTwo, 0);
  const Out one = CommitAndTake();
  EXPECT_THAT(one.offsets, ElementsAre(0));
  EXPECT_THAT(CommitAndTake().offsets, IsEmpty());
  Acknowledge(one.tokens[0]);
  const Out two = CommitAndTake();
  EXPECT_THAT(two.offsets, ElementsAre(0));
  EXPECT_TRUE(Metadata(kOne).mark.out == Span()) << "what is out is the other's";
  Read(kOne, 1);
  EXPECT_THAT(CommitAndTake().offsets, IsEmpty()) << "beside what is out";
  Acknowledge(two.tokens[0]);
  EXPECT_THAT(CommitAndTake().offsets, ElementsAre(1));
}

TEST_F(SettlingCareTest, AClientThatDiesLeavesCareAndNoFailures) {
  const auto tokens = Deliver(kOne, 0, 5);
  Acknowledge(tokens[0]);
  Acknowledge(tokens[4]);
  settling_->EndGone();
  settling_->Close(kOne);
  const auto last = settling_->TakeLast();
  const auto known = ParseCommitMetadata(last.at(0).metadata, 1);
  EXPECT_EQ(known->mark, (Mark{false, 4, 0, {}}));
  EXPECT_THAT(known->failures, IsEmpty());
}

TEST_F(SettlingCareTest, AClientThatDiesOfOneEventLeavesItsFailure) {
  Add(kOne, 0, FormatCommitMetadata(Marked({false, 50, 5, {}}), 0));
  Read(kOne, 0);
  EXPECT_THAT(CommitAndTake().offsets, ElementsAre(0));
  settling_->EndGone();
  settling_->Close(kOne);
  const auto last = settling_->TakeLast();
  const auto known = ParseCommitMetadata(last.at(0).metadata, 0);
  EXPECT_THAT(known->failures, ElementsAre(Failures{0, 1}));
  EXPECT_EQ(known->mark, (Mark{false, 50, 5, {}}));
}

TEST_F(SettlingCareTest, AnEventThatTimesOutHasFailed) {
  const auto tokens = Deliver(kOne, 0, 3);
  Acknowledge(tokens[0]);
  settling_->EndTimedOut();
  Commit();
  EXPECT_THAT(Metadata(kOne).failures, ElementsAre(Failures{1, 1}));
}

}  // namespace
}  // namespace eventbus::bus
