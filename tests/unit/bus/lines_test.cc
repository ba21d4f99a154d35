#include "server/bus/lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/unit/bus/held_events.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

absl::Time At(int seconds) { return absl::FromUnixSeconds(seconds); }

class LinesTest : public testing::Test {
 protected:
  void Add(std::int64_t offset, absl::optional<absl::string_view> key, absl::Time due) {
    lines_.Add(Keep(*part_, offset, key), due);
  }
  std::vector<std::int64_t> TakeDue(absl::Time now) {
    std::vector<std::int64_t> offsets;
    for (const EventPtr& event : lines_.TakeDue(now)) offsets.push_back(event->offset);
    return offsets;
  }

  const OwnPart part_ = MakePart();
  Lines lines_;
};

TEST_F(LinesTest, NothingWaitsAtFirst) {
  EXPECT_EQ(lines_.next_due(), absl::InfiniteFuture());
  EXPECT_FALSE(lines_.Holds("k"));
  EXPECT_THAT(TakeDue(absl::InfiniteFuture()), IsEmpty());
}

TEST_F(LinesTest, OneWaitsForItsTime) {
  Add(0, "k", At(5));
  EXPECT_EQ(lines_.next_due(), At(5));
  EXPECT_THAT(TakeDue(At(5) - absl::Nanoseconds(1)), IsEmpty());
  EXPECT_TRUE(lines_.Holds("k"));
  EXPECT_THAT(TakeDue(At(5)), ElementsAre(0));
  EXPECT_FALSE(lines_.Holds("k"));
  EXPECT_EQ(lines_.next_due(), absl::InfiniteFuture());
}

TEST_F(LinesTest, ThoseBehindWaitForItAlone) {
  Add(0, "k", At(5));
  Add(1, "k", absl::InfinitePast());
  EXPECT_EQ(lines_.next_due(), At(5));
  EXPECT_THAT(TakeDue(At(4)), IsEmpty());
  EXPECT_THAT(TakeDue(At(5)), ElementsAre(0, 1));
}

TEST_F(LinesTest, TheOrderIsThatOfTheOffsetsWhoeverCameFirst) {
  Add(2, "k", absl::InfinitePast());
  Add(1, "k", At(9));
  Add(0, "k", At(5));
  EXPECT_EQ(lines_.next_due(), At(5));
  EXPECT_THAT(TakeDue(At(5)), ElementsAre(0));
  EXPECT_EQ(lines_.next_due(), At(9)) << "it is first now";
  EXPECT_THAT(TakeDue(At(9)), ElementsAre(1, 2));
}

TEST_F(LinesTest, KeysDoNotWaitForEachOther) {
  Add(0, "a", At(5));
  Add(1, "b", At(3));
  EXPECT_TRUE(lines_.Holds("b"));
  EXPECT_FALSE(lines_.Holds("c"));
  EXPECT_THAT(TakeDue(At(3)), ElementsAre(1));
  EXPECT_TRUE(lines_.Holds("a"));
  EXPECT_FALSE(lines_.Holds("b"));
}

TEST_F(LinesTest, EventsWithoutAKeyHoldNobodyUp) {
  Add(0, absl::nullopt, At(5));
  Add(1, absl::nullopt, At(3));
  EXPECT_FALSE(lines_.Holds(absl::nullopt));
  EXPECT_THAT(TakeDue(At(3)), ElementsAre(1));
  EXPECT_THAT(TakeDue(At(5)), ElementsAre(0));
}

TEST_F(LinesTest, TheEmptyKeyIsAKey) {
  Add(0, "", At(5));
  Add(1, "", absl::InfinitePast());
  EXPECT_TRUE(lines_.Holds(""));
  EXPECT_FALSE(lines_.Holds(absl::nullopt));
  EXPECT_THAT(TakeDue(At(4)), IsEmpty());
}

// Against a list of all that waits: what comes is what has no earlier one of its key before it that
// waits longer, in the order of the offsets within a key.
TEST_F(LinesTest, IsAsAListOfAllThatWaits) {
  struct Waiting {
    std::string key;
    absl::Time due;
  };
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    Lines lines;
    std::map<std::int64_t, Waiting> model;
    for (int step = 0; step < 60; ++step) {
      const auto offset = static_cast<std::int64_t>(random() % 1000);
      if (!model.contains(offset)) {
        const std::string key(1, static_cast<char>('a' + random() % 3));
        const absl::Time due =
            random() % 3 == 0 ? absl::InfinitePast() : At(static_cast<int>(random() % 50));
        model[offset] = {key, due};
        auto event = std::make_shared<HeldEvent>();
        event->part = part_.shared();
        event->offset = offset;
        kafka::RecordView record;
        record.key = key;
        event->record.emplace(record);
        lines.Add(event, due);
      }
      const absl::Time now = At(step);
      if (random() % 4 != 0) continue;
      std::map<std::string, std::vector<std::int64_t>> expected;
      std::map<std::string, bool> blocked;
      for (auto at = model.begin(); at != model.end();) {
        blocked[at->second.key] = blocked[at->second.key] || at->second.due > now;
        if (!blocked[at->second.key]) expected[at->second.key].push_back(at->first);
        at = blocked[at->second.key] ? std::next(at) : model.erase(at);
      }
      std::map<std::string, std::vector<std::int64_t>> taken;
      for (const EventPtr& event : lines.TakeDue(now)) {
        taken[std::string(*event->key())].push_back(event->offset);
      }
      ASSERT_EQ(taken, expected) << seed;
      for (const auto& [key, waits] : blocked) ASSERT_EQ(lines.Holds(key), waits) << seed;
      ASSERT_GT(lines.next_due(), now) << seed;
    }
  }
}

}  // namespace
}  // namespace eventbus::bus
