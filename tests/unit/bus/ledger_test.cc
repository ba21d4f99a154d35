#include "server/bus/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// One that has read the offsets.
Ledger Reading(std::initializer_list<std::int64_t> offsets, std::int64_t position = 0) {
  Ledger ledger(position, {});
  for (const std::int64_t offset : offsets) EXPECT_TRUE(ledger.Read(offset));
  return ledger;
}

TEST(LedgerTest, ThePrefixIsTheFirstRecordThatIsNotSettled) {
  Ledger ledger = Reading({0, 1, 2});
  EXPECT_EQ(ledger.prefix(), 0);
  ledger.Settle(0);
  EXPECT_EQ(ledger.prefix(), 1);
  ledger.Settle(2);
  EXPECT_EQ(ledger.prefix(), 1);
  ledger.Settle(1);
  EXPECT_EQ(ledger.prefix(), 3);
}

TEST(LedgerTest, WhatIsSettledPastThePrefixIsASpan) {
  Ledger ledger = Reading({0, 1, 2, 3, 4});
  for (const int offset : {1, 2, 4}) ledger.Settle(offset);
  EXPECT_THAT(ledger.settled(), ElementsAre(Span{1, 3}, Span{4, 5}));
  ledger.Settle(0);
  EXPECT_THAT(ledger.settled(), ElementsAre(Span{4, 5}));
}

// Compaction and transactions leave holes.
TEST(LedgerTest, EverythingGoesByRecordsNotByOffsets) {
  Ledger ledger = Reading({0, 7, 9});
  ledger.Settle(0);
  EXPECT_EQ(ledger.prefix(), 7);
  ledger.Settle(9);
  EXPECT_THAT(ledger.settled(), ElementsAre(Span{9, 10}));
  ledger.Settle(7);
  EXPECT_EQ(ledger.prefix(), 10);
  ledger.ReadTo(12);
  EXPECT_EQ(ledger.prefix(), 12);
}

TEST(LedgerTest, RecordsInAHoleOfASpanNeedNotBeThere) {
  Ledger ledger = Reading({0, 3, 8});
  ledger.Settle(3);
  ledger.Settle(8);
  EXPECT_THAT(ledger.settled(), ElementsAre(Span{3, 9}));
}

TEST(LedgerTest, WhatWasSettledBeforeIsNotDelivered) {
  Ledger ledger(5, {{6, 8}, {9, 10}});
  EXPECT_TRUE(ledger.Read(5));
  EXPECT_FALSE(ledger.Read(6));
  EXPECT_FALSE(ledger.Read(7));
  EXPECT_TRUE(ledger.Read(8));
  EXPECT_THAT(ledger.settled(), ElementsAre(Span{6, 8}, Span{9, 10})) << "9 is yet to be read";
  ledger.Settle(5);
  EXPECT_EQ(ledger.prefix(), 8);
  ledger.Settle(8);
  EXPECT_EQ(ledger.prefix(), 10) << "9 is settled, though not read";
  EXPECT_FALSE(ledger.Read(9));
  EXPECT_EQ(ledger.prefix(), 10);
  EXPECT_THAT(ledger.settled(), IsEmpty());
}

TEST(LedgerTest, SettlingAgainOrWhatWasNotReadDoesNothing) {
  Ledger ledger = Reading({0, 1});
  ledger.Settle(0);
  ledger.Settle(0);
  ledger.Settle(5);
  EXPECT_EQ(ledger.prefix(), 1);
  EXPECT_EQ(ledger.span(), 1);
}

TEST(LedgerTest, WhatWasSettledWhereReadingIsNeedsNoSpan) {
  Ledger ledger(5, {{6, 8}});
  ledger.Read(5);
  ledger.Settle(5);
  EXPECT_EQ(ledger.prefix(), 8) << "6 and 7 are yet to be read";
  EXPECT_THAT(ledger.settled(), IsEmpty());
  EXPECT_FALSE(ledger.Read(6));
  EXPECT_EQ(ledger.prefix(), 8);
}

TEST(LedgerTest, KnowsWhatIsSettled) {
  Ledger ledger(5, {{8, 9}});
  ledger.Read(5);
  ledger.Read(6);
  ledger.Settle(6);
  EXPECT_TRUE(ledger.IsSettled(4));
  EXPECT_FALSE(ledger.IsSettled(5));
  EXPECT_TRUE(ledger.IsSettled(6));
  EXPECT_FALSE(ledger.IsSettled(7));
  EXPECT_TRUE(ledger.IsSettled(8));
}

// Against the plainest of models: a set of what was read and one of what is settled.
TEST(LedgerTest, AgreesWithSetsUnderRandomSchedules) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    Ledger ledger(0, {{20, 30}, {50, 51}});
    std::set<std::int64_t> settled{50};
    for (std::int64_t offset = 20; offset < 30; ++offset) settled.insert(offset);
    std::set<std::int64_t> read;
    std::int64_t next = 0;
    for (int step = 0; step < 200; ++step) {
      const auto what = random() % 10;
      if (what < 5) {
        if (next % 7 == 3) next += 2;  // A hole.
        EXPECT_EQ(ledger.Read(next), !settled.contains(next)) << seed;
        read.insert(next++);
      } else if (what < 9 && !read.empty()) {
        auto chosen = read.begin();
        std::advance(chosen, static_cast<int>(random() % read.size()));
        ledger.Settle(*chosen);
        settled.insert(*chosen);
      }
      std::int64_t prefix = next;
      while (settled.contains(prefix)) ++prefix;
      for (const std::int64_t offset : read) {
        if (settled.contains(offset)) continue;
        prefix = offset;
        break;
      }
      ASSERT_EQ(ledger.prefix(), prefix) << "seed " << seed << " step " << step;
      const auto spans = ledger.settled();
      for (const std::int64_t offset : settled) {
        const bool covered =
            offset < prefix || std::any_of(spans.begin(), spans.end(), [&](auto& s) {
              return s.begin <= offset && offset < s.end;
            });
        ASSERT_TRUE(covered) << "seed " << seed << " step " << step << " offset " << offset;
      }
      for (const std::int64_t offset : read) {
        if (settled.contains(offset)) continue;
        for (const Span& span : spans) {
          ASSERT_FALSE(span.begin <= offset && offset < span.end) << "seed " << seed;
        }
      }
    }
  }
}

}  // namespace
}  // namespace eventbus::bus
