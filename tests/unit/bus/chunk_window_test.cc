#include "server/bus/chunk_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::Optional;

// A chunk of `size` bytes that leads from `begin` to `next`.
std::shared_ptr<const Chunk> MakeChunk(Positions begin, Positions next, std::size_t size = 1) {
  auto chunk = std::make_shared<Chunk>();
  chunk->bytes = std::make_shared<const std::string>(size, 'x');
  chunk->begin = std::move(begin);
  chunk->next = std::move(next);
  return chunk;
}

// [10, 20) and [20, 30) of one partition.
ChunkWindow TwoChunks() {
  ChunkWindow window({}, {10});
  window.Append(MakeChunk({10}, {20}));
  window.Append(MakeChunk({20}, {30}));
  return window;
}

TEST(ChunkWindowTest, AnEmptyOneLeadsOnFromItsStart) {
  const ChunkWindow window({}, {10});
  EXPECT_THAT(window.Find({10}), Optional(0u));
  EXPECT_EQ(window.Find({9}), absl::nullopt);
  EXPECT_TRUE(window.Covers(0));
  EXPECT_EQ(window.Get(0), nullptr);
}

TEST(ChunkWindowTest, AReaderGoesOnWithTheFirstChunkItHasNotGotWhole) {
  const ChunkWindow window = TwoChunks();
  EXPECT_THAT(window.Find({10}), Optional(0u));
  EXPECT_THAT(window.Find({15}), Optional(0u));
  EXPECT_THAT(window.Find({20}), Optional(1u));
  EXPECT_THAT(window.Find({30}), Optional(2u));
}

TEST(ChunkWindowTest, OneThatIsAheadWaitsForWhatComes) {
  const ChunkWindow window = TwoChunks();
  EXPECT_THAT(window.Find({35}), Optional(2u));
}

TEST(ChunkWindowTest, OneThatIsBehindFindsNothing) {
  EXPECT_EQ(TwoChunks().Find({9}), absl::nullopt);
}

TEST(ChunkWindowTest, EveryPartitionCounts) {
  ChunkWindow window({}, {10, 50});
  window.Append(MakeChunk({10, 50}, {20, 50}));
  window.Append(MakeChunk({20, 50}, {20, 60}));
  EXPECT_THAT(window.Find({20, 50}), Optional(1u));
  EXPECT_THAT(window.Find({15, 60}), Optional(0u));
  EXPECT_EQ(window.Find({20, 49}), absl::nullopt);
}

TEST(ChunkWindowTest, APartitionThatOneSideDoesNotKnowIsAtZero) {
  ChunkWindow window({}, {10});
  window.Append(MakeChunk({10}, {10, 5}));
  EXPECT_THAT(window.Find({10}), Optional(0u));
  window.Append(MakeChunk({10, 5}, {10, 6}));
  EXPECT_THAT(window.Find({10, 5}), Optional(1u));
  EXPECT_THAT(window.Find({10}), Optional(0u));
}

TEST(ChunkWindowTest, TheOldestGoWhenThereAreTooMany) {
  ChunkWindow window({.max_bytes = 1000, .max_chunks = 2}, {0});
  for (std::int64_t i = 0; i < 3; ++i) window.Append(MakeChunk({i}, {i + 1}));
  EXPECT_FALSE(window.Covers(0));
  EXPECT_TRUE(window.Covers(1));
  EXPECT_EQ(window.Get(2)->begin, Positions{2});
  EXPECT_EQ(window.Find({0}), absl::nullopt);
  EXPECT_THAT(window.Find({1}), Optional(1u));
}

TEST(ChunkWindowTest, TheOldestGoWhenTheyAreTooLargeButNeverTheNewest) {
  ChunkWindow window({.max_bytes = 100, .max_chunks = 10}, {0});
  window.Append(MakeChunk({0}, {1}, 60));
  window.Append(MakeChunk({1}, {2}, 60));
  EXPECT_FALSE(window.Covers(0));
  window.Append(MakeChunk({2}, {3}, 600));
  EXPECT_FALSE(window.Covers(1));
  EXPECT_EQ(window.Get(2)->bytes->size(), 600u);
  window.Append(MakeChunk({3}, {4}, 60));  // What went is no longer counted.
  EXPECT_FALSE(window.Covers(2));
  EXPECT_NE(window.Get(3), nullptr);
}

TEST(ChunkWindowTest, AfterARestartNoNumberOfBeforeIsFound) {
  ChunkWindow window = TwoChunks();
  const std::uint64_t waiting = *window.Find({30});
  window.Restart({5});
  EXPECT_FALSE(window.Covers(0));
  EXPECT_FALSE(window.Covers(waiting));
  EXPECT_THAT(window.end(), ElementsAre(5));
  window.Append(MakeChunk({5}, {6}));
  EXPECT_FALSE(window.Covers(waiting));
  EXPECT_THAT(window.Find({5}), Optional(waiting + 1));
}

}  // namespace
}  // namespace eventbus::bus
