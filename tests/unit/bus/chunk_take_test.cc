#include "server/bus/chunk_take.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "eventbus/v1/event_bus_service.pb.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kTopic[] = "document-events";
constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();
constexpr char kUndecodable[] = "";

class TakeChunkTest : public testing::Test {
 protected:
  // `padding` makes an event that large.
  void Add(std::int32_t partition, std::int64_t offset,
           const std::string& type = "document.uploaded", std::size_t padding = 0) {
    const std::string key(padding, 'k');
    wire::ReceivedRecord record;
    record.topic = kTopic;
    record.partition = partition;
    record.offset = offset;
    record.key = key;
    if (type == kUndecodable) {
      builder_.Add(record, wire::Undecodable{});
    } else {
      builder_.Add(record, wire::Decoded{"", "", type});
    }
  }

  void ReaderAt(Positions read, std::int64_t end = -1) {
    cursors_ = Cursors();
    cursors_of_.clear();
    for (std::size_t i = 0; i < read.size(); ++i) {
      cursors_.Add({kTopic, static_cast<std::int32_t>(i)}, read[i], end);
      cursors_of_.push_back(static_cast<int>(i));
    }
  }

  Taken Take(const Chunk& chunk, std::size_t from = 0) {
    return TakeChunk(chunk, from, {filter_, stop_at_end_, max_events_, cursors_of_}, cursors_,
                     *batch_);
  }

  Positions Read() const {
    Positions read;
    for (const auto& cursor : cursors_.all()) read.push_back(cursor.read);
    return read;
  }
  static std::vector<std::int64_t> Offsets(const Message& message) {
    std::string bytes;
    for (const Slice& part : message) bytes.append(part.view().data(), part.size);
    v1::SubscribeResponse response;
    EXPECT_TRUE(response.ParseFromString(bytes));
    std::vector<std::int64_t> offsets;
    for (const auto& event : response.batch().events()) offsets.push_back(event.offset());
    return offsets;
  }
  void FilterBy(const std::string& type) {
    filter_ = Filter::Parse({type}, fakes::Schema::Get().catalog).value();
  }

  ChunkBuilder builder_{false};
  Filter filter_;
  bool stop_at_end_ = false;
  std::int64_t max_events_ = kAny;
  std::vector<int> cursors_of_;
  Cursors cursors_;
  absl::optional<Batch> batch_{Batch(Batch::Limits())};
};

TEST_F(TakeChunkTest, AWholeChunkGoesAsItIsWithoutACopy) {
  for (int i = 0; i < 10; ++i) Add(0, i, "document.uploaded", 200);
  const auto chunk = builder_.Take({0}, {10});
  ReaderAt({0});
  const Taken taken = Take(*chunk);
  EXPECT_EQ(taken.next, 10u);
  EXPECT_EQ(taken.events, 10);
  EXPECT_THAT(Read(), ElementsAre(10));
  const Message message = batch_->Take();
  ASSERT_THAT(message, SizeIs(2));
  EXPECT_EQ(message[1].bytes, chunk->bytes);
  EXPECT_THAT(Offsets(message), SizeIs(10));
}

TEST_F(TakeChunkTest, ALongRunGoesWithoutACopyToo) {
  for (int i = 0; i < 10; ++i) Add(0, i, "document.uploaded", 200);
  const auto chunk = builder_.Take({0}, {10});
  ReaderAt({2});
  Take(*chunk);
  const Message message = batch_->Take();
  ASSERT_THAT(message, SizeIs(2));
  EXPECT_EQ(message[1].bytes, chunk->bytes);
  EXPECT_THAT(Offsets(message), ElementsAre(2, 3, 4, 5, 6, 7, 8, 9));
}

TEST_F(TakeChunkTest, ShortRunsAreCopiedIntoOnePart) {
  for (int i = 0; i < 10; ++i) Add(0, i, i % 2 == 0 ? "document.uploaded" : "document.error");
  const auto chunk = builder_.Take({0}, {10});
  ReaderAt({0});
  FilterBy("document.error");
  EXPECT_EQ(Take(*chunk).events, 5);
  const Message message = batch_->Take();
  EXPECT_THAT(message, SizeIs(2));
  EXPECT_THAT(Offsets(message), ElementsAre(1, 3, 5, 7, 9));
  EXPECT_THAT(Read(), ElementsAre(10));
}

TEST_F(TakeChunkTest, WhatAReaderHasIsSkippedPartitionByPartition) {
  Add(0, 5);
  Add(1, 50);
  Add(0, 6);
  Add(1, 51);
  const auto chunk = builder_.Take({5, 50}, {7, 52});
  ReaderAt({6, 52});
  EXPECT_EQ(Take(*chunk).events, 1);
  EXPECT_THAT(Offsets(batch_->Take()), ElementsAre(6));
  EXPECT_THAT(Read(), ElementsAre(7, 52));
}

TEST_F(TakeChunkTest, OneThatIsAheadOfTheChunkStaysThere) {
  Add(0, 5);
  const auto chunk = builder_.Take({5}, {6});
  ReaderAt({20});
  EXPECT_EQ(Take(*chunk).events, 0);
  EXPECT_THAT(Read(), ElementsAre(20));
}

TEST_F(TakeChunkTest, HolesAndControlRecordsAreReadPast) {
  Add(0, 12);
  Add(0, 20);
  const auto chunk = builder_.Take({10}, {23});
  ReaderAt({15});
  Take(*chunk);
  EXPECT_THAT(Offsets(batch_->Take()), ElementsAre(20));
  EXPECT_THAT(Read(), ElementsAre(23));
}

TEST_F(TakeChunkTest, AChunkWithoutRecordsMovesTheCursors) {
  const auto chunk = builder_.Take({10}, {11});
  ReaderAt({10});
  EXPECT_EQ(Take(*chunk).next, 0u);
  EXPECT_TRUE(batch_->empty());
  EXPECT_THAT(Read(), ElementsAre(11));
}

TEST_F(TakeChunkTest, WhatCannotBeDecodedPassesEveryFilter) {
  Add(0, 0, "document.uploaded");
  Add(0, 1, kUndecodable);
  const auto chunk = builder_.Take({0}, {2});
  ReaderAt({0});
  FilterBy("document.error");
  Take(*chunk);
  EXPECT_THAT(Offsets(batch_->Take()), ElementsAre(1));
}

TEST_F(TakeChunkTest, AFullBatchStopsAndTheRestIsTakenLater) {
  for (int i = 0; i < 5; ++i) Add(0, i);
  const auto chunk = builder_.Take({0}, {5});
  ReaderAt({0});
  Batch::Limits limits;
  limits.max_events = 3;
  batch_.emplace(limits);
  const Taken first = Take(*chunk);
  EXPECT_EQ(first.next, 3u);
  EXPECT_THAT(Read(), ElementsAre(3));
  EXPECT_TRUE(batch_->full());
  EXPECT_THAT(Offsets(batch_->Take()), ElementsAre(0, 1, 2));
  EXPECT_EQ(Take(*chunk, first.next).next, 5u);
  EXPECT_THAT(Offsets(batch_->Take()), ElementsAre(3, 4));
}

TEST_F(TakeChunkTest, ABatchIsFullWhereTheNextEventWouldPassItsBytes) {
  for (int i = 0; i < 4; ++i) Add(0, i, "document.uploaded", 1u << 20);
  const auto chunk = builder_.Take({0}, {4});
  ReaderAt({0});
  EXPECT_EQ(Take(*chunk).next, 2u);
  EXPECT_TRUE(batch_->full());
  const Message message = batch_->Take();
  std::size_t bytes = 0;
  for (const Slice& part : message) bytes += part.size;
  EXPECT_LE(bytes, wire::kMaxResponseBytes);
  EXPECT_THAT(Offsets(message), ElementsAre(0, 1));
}

TEST_F(TakeChunkTest, AnEventOfAllTheBytesThereAreFitsIntoAnEmptyBatch) {
  Add(0, 0, "document.uploaded", 4u << 20);  // Its key is left out.
  const auto chunk = builder_.Take({0}, {1});
  ReaderAt({0});
  EXPECT_EQ(Take(*chunk).events, 1);
}

TEST_F(TakeChunkTest, NoMoreIsTakenThanIsWanted) {
  for (int i = 0; i < 5; ++i) Add(0, i);
  const auto chunk = builder_.Take({0}, {5});
  ReaderAt({0});
  max_events_ = 2;
  EXPECT_EQ(Take(*chunk).events, 2);
  EXPECT_THAT(Read(), ElementsAre(2));
}

TEST_F(TakeChunkTest, WhatCameAfterTheStartIsNotForOneThatStopsThere) {
  for (int i = 0; i < 5; ++i) Add(0, i);
  const auto chunk = builder_.Take({0}, {5});
  ReaderAt({0}, 3);
  stop_at_end_ = true;
  Take(*chunk);
  EXPECT_THAT(Offsets(batch_->Take()), ElementsAre(0, 1, 2));
  EXPECT_THAT(Read(), ElementsAre(3));
}

TEST_F(TakeChunkTest, BatchesOfSeveralChunksHoldThemInOrder) {
  ReaderAt({0});
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 4; ++j) Add(0, 4 * i + j, "document.uploaded", i == 1 ? 500 : 0);
    Take(*builder_.Take({4 * i}, {4 * i + 4}));
  }
  const Message message = batch_->Take();
  EXPECT_THAT(message, SizeIs(4));  // A prefix, what was copied, a slice, what was copied.
  EXPECT_THAT(Offsets(message), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
}

}  // namespace
}  // namespace eventbus::bus
