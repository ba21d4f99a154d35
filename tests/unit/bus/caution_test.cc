#include "server/bus/caution.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace eventbus::bus {
namespace {

struct Found {
  Caution caution;
  std::int64_t failed = -1;
};

Found After(const Mark& mark, const Caution::Reach& reach = {10, 1000, 100}) {
  Found found;
  found.caution = Caution::After(mark, reach, &found.failed);
  return found;
}

TEST(CautionTest, NoneIsNeededWithoutReason) {
  const Caution caution;
  EXPECT_FALSE(caution.needed(0));
  EXPECT_EQ(caution.MostBeside(0), 0);
  EXPECT_EQ(caution.mark(true, 0), (Mark{true, 0, 0, {}}));
}

TEST(CautionTest, ACleanEndLeavesThePartitionAsItWas) {
  const Found found = After({false, 50, 20, {}});
  EXPECT_EQ(found.failed, -1);
  EXPECT_EQ(found.caution.mark(false, 10), (Mark{false, 50, 20, {}}));
}

TEST(CautionTest, FoundOpenEverythingThatMayHaveBeenOutIsSuspect) {
  const Found found = After({true, 0, 0, {}});
  EXPECT_EQ(found.failed, -1);
  EXPECT_EQ(found.caution.MostBeside(10), Caution::kFew);
  EXPECT_EQ(found.caution.MostBeside(99), Caution::kFew);
  EXPECT_EQ(found.caution.MostBeside(100), 0) << "written since";
  EXPECT_TRUE(found.caution.needed(99));
  EXPECT_FALSE(found.caution.needed(100));
}

TEST(CautionTest, ButNotFartherThanAMemberReaches) {
  EXPECT_EQ(After({true, 0, 0, {}}, {10, 30, 1000}).caution.until(), 40);
}

// So at a hole that is longer than that.
TEST(CautionTest, WhereCareWasTakenBeforeTwiceAsFar) {
  EXPECT_EQ(After({true, 40, 0, {}}, {10, 30, 1000}).caution.until(), 70);
  EXPECT_EQ(After({true, 70, 0, {}}, {10, 30, 1000}).caution.until(), 130);
  EXPECT_EQ(After({true, 70, 0, {}}, {10, 30, 100}).caution.until(), 100);
}

TEST(CautionTest, WhatWasSuspectBeforeStaysSo) {
  EXPECT_EQ(After({true, 500, 20, {}}).caution.mark(true, 10), (Mark{true, 500, 20, {}}));
}

TEST(CautionTest, FoundWithAFewTheyGoOneByOne) {
  const Found found = After({true, 50, 0, {12, 15}});
  EXPECT_EQ(found.failed, -1);
  EXPECT_EQ(found.caution.MostBeside(10), 1) << "those before them, too";
  EXPECT_EQ(found.caution.MostBeside(14), 1);
  EXPECT_EQ(found.caution.MostBeside(15), Caution::kFew);
  EXPECT_EQ(found.caution.until(), 50) << "and nothing new is suspect";
}

TEST(CautionTest, FoundWithOneItHasFailed) {
  EXPECT_EQ(After({true, 50, 20, {12, 13}}).failed, 12);
  EXPECT_EQ(After({false, 50, 20, {12, 13}}).failed, -1) << "after a clean end";
}

TEST(CautionTest, AClientThatIsGoneLeavesWhatItHad) {
  Caution caution;
  std::int64_t failed = 0;
  caution.EndWith({3, 8}, &failed);
  EXPECT_EQ(failed, -1);
  EXPECT_EQ(caution.mark(false, 3), (Mark{false, 8, 0, {}}));
}

TEST(CautionTest, AClientThatHadNothingIsNotSuspect) {
  Caution caution = After({false, 50, 20, {}}).caution;
  std::int64_t failed = 0;
  caution.EndWith({}, &failed);
  EXPECT_EQ(failed, -1);
  EXPECT_EQ(caution.mark(false, 10), (Mark{false, 50, 20, {}}));
}

TEST(CautionTest, AClientThatIsGoneWithWhatWasMarkedOutIsAsAServer) {
  Caution caution = After({false, 50, 20, {}}).caution;
  std::int64_t failed = 0;
  caution.SetOut({20, 30});
  caution.EndWith({22, 25}, &failed);
  EXPECT_EQ(failed, -1);
  EXPECT_EQ(caution.mark(true, 10), (Mark{true, 50, 30, {}})) << "and nothing is out any more";
  caution.SetOut({11, 12});
  caution.EndWith({11, 12}, &failed);
  EXPECT_EQ(failed, 11);
}

TEST(CautionTest, WhatIsOutIsSaidWhileTheMarkIsOpen) {
  Caution caution;
  caution.SetOut({20, 30});
  EXPECT_EQ(caution.mark(true, 20).out, (Span{20, 30}));
  EXPECT_EQ(caution.mark(true, 5).out, (Span{20, 30}));
  EXPECT_EQ(caution.mark(false, 20).out, Span());
}

TEST(CautionTest, WhatIsSettledOfItIsNot) {
  Caution caution;
  caution.SetOut({20, 30});
  EXPECT_EQ(caution.mark(true, 27).out, (Span{27, 30}));
  EXPECT_EQ(caution.mark(true, 29), (Mark{true, 0, 30, {}})) << "the last was not alone";
  EXPECT_EQ(caution.mark(true, 30), (Mark{true, 0, 0, {}}));
  caution.SetOut({20, 21});
  EXPECT_EQ(caution.mark(true, 20).out, (Span{20, 21})) << "this one is";
}

// However many events there are: a member finds the one that kills within three ends, of servers or
// of clients, and no other fails.
TEST(CautionTest, FindsTheOneThatKillsInThreeEnds) {
  for (const bool server : {true, false}) {
    for (std::int64_t killer = 0; killer < 100; ++killer) {
      Caution caution;
      std::int64_t failed = -1;
      int ends = 0;
      for (std::int64_t prefix = 0; failed < 0 && ends < 10; ++ends) {
        std::int64_t out = 0;
        do {
          prefix = out > prefix ? out : prefix;
          const int most = caution.MostBeside(prefix);
          out = most == 0 ? 100 : std::min<std::int64_t>(prefix + most, 100);
          caution.SetOut(most == 0 ? Span() : Span{prefix, out});
        } while (out <= killer);
        if (server) {
          caution = Caution::After(caution.mark(true, prefix), {prefix, 1000, 100}, &failed);
        } else {
          caution.EndWith({prefix, out}, &failed);
        }
      }
      EXPECT_EQ(failed, killer);
      EXPECT_LE(ends, 3) << killer;
    }
  }
}

}  // namespace
}  // namespace eventbus::bus
