#include "server/bus/batch.h"

#include <gtest/gtest.h>

#include "eventbus/v1/event_bus_service.pb.h"

namespace eventbus::bus {
namespace {

// As long as one may be.
constexpr absl::string_view kToken = "ABCDEFGHIJKLMNOPQRSTUVWX";

void Add(Batch& batch, std::int64_t offset, std::size_t bytes, bool* added) {
  const std::string value(bytes, 'x');
  wire::ReceivedRecord record;
  record.topic = "t";
  record.offset = offset;
  record.value = value;
  *added = batch.Add(record, wire::Undecodable{wire::Reason::kInvalidJson, "no"}, false);
}

v1::EventBatch Take(Batch& batch, absl::string_view ack_token = {}) {
  std::string bytes;
  for (const Slice& part : batch.Take(ack_token)) bytes.append(part.view().data(), part.size);
  v1::SubscribeResponse response;
  EXPECT_TRUE(response.ParseFromString(bytes));
  return response.batch();
}

TEST(BatchTest, IsFullAtItsNumberOfEvents) {
  Batch batch({.max_events = 2});
  bool added = false;
  Add(batch, 1, 10, &added);
  EXPECT_FALSE(batch.full());
  Add(batch, 2, 10, &added);
  EXPECT_TRUE(added);
  EXPECT_TRUE(batch.full());
  const v1::EventBatch taken = Take(batch);
  ASSERT_EQ(taken.events_size(), 2);
  EXPECT_EQ(taken.events(0).offset(), 1);
  EXPECT_EQ(taken.events(1).offset(), 2);
  EXPECT_TRUE(batch.empty());
}

TEST(BatchTest, OneEventTooManyIsSetAsideForTheNext) {
  Batch batch({.max_events = 10, .max_bytes = 1000});
  bool added = false;
  Add(batch, 1, 500, &added);
  EXPECT_TRUE(added);
  Add(batch, 2, 600, &added);
  EXPECT_FALSE(added);
  EXPECT_TRUE(batch.full());
  EXPECT_EQ(Take(batch).events(0).offset(), 1);
  EXPECT_FALSE(batch.empty());
  EXPECT_FALSE(batch.full());
  const v1::EventBatch second = Take(batch);
  ASSERT_EQ(second.events_size(), 1);
  EXPECT_EQ(second.events(0).offset(), 2);
  EXPECT_EQ(second.events(0).undecodable().value().size(), 600u);
}

TEST(BatchTest, AMessageNeverPassesItsBytes) {
  Batch batch({.max_events = 1000, .max_bytes = 5000});
  for (std::size_t i = 0; i < 100; ++i) {
    bool added = false;
    Add(batch, static_cast<std::int64_t>(i), 37 * i, &added);
    if (!batch.full()) continue;
    std::size_t bytes = 0;
    for (const Slice& part : batch.Take(kToken)) bytes += part.size;
    EXPECT_LE(bytes, 5000u);
  }
}

TEST(BatchTest, AMessageWithATokenNeverPassesItsBytes) {
  // One event, as large as may be, in a message of the least room.
  for (std::size_t size = 0; size < 1000; ++size) {
    Batch batch({.max_events = 1, .max_bytes = 1000});
    bool added = false;
    Add(batch, 1, size, &added);
    ASSERT_TRUE(added);
    std::size_t bytes = 0;
    for (const Slice& part : batch.Take(kToken)) bytes += part.size;
    EXPECT_LE(bytes, 1000u) << size;
  }
}

TEST(BatchTest, TheTokenIsTheBatchsAndNotTheNextOnes) {
  Batch batch({.max_events = 10, .max_bytes = 1000});
  bool added = false;
  Add(batch, 1, 500, &added);
  Add(batch, 2, 600, &added);
  ASSERT_FALSE(added);
  const v1::EventBatch first = Take(batch, kToken);
  EXPECT_EQ(first.ack_token(), kToken);
  EXPECT_EQ(first.events_size(), 1);
  const v1::EventBatch second = Take(batch);
  EXPECT_EQ(second.ack_token(), "");
  ASSERT_EQ(second.events_size(), 1);
  EXPECT_EQ(second.events(0).offset(), 2);
}

TEST(BatchTest, TheTokenFollowsSharedEventsToo) {
  for (const std::size_t size : {10u, 5000u}) {  // Copied and shared.
    const std::string value(size, 'x');
    wire::ReceivedRecord record;
    record.value = value;
    std::string event;
    wire::AppendReceivedEvent(record, wire::Undecodable{wire::Reason::kInvalidJson, "no"}, false,
                              Batch::MaxEventBytes(), event);
    Batch batch({});
    batch.AddShared(Slice(std::make_shared<const std::string>(event)), 1);
    const v1::EventBatch taken = Take(batch, kToken);
    EXPECT_EQ(taken.ack_token(), kToken);
    ASSERT_EQ(taken.events_size(), 1);
    EXPECT_EQ(taken.events(0).undecodable().value().size(), size);
  }
}

TEST(BatchTest, AnEventTooLargeForAnyMessageComesWithoutItsBytes) {
  Batch batch({.max_events = 10, .max_bytes = 1000});
  bool added = false;
  Add(batch, 7, 5000, &added);
  EXPECT_TRUE(added);
  const v1::EventBatch taken = Take(batch);
  EXPECT_EQ(taken.events(0).offset(), 7);
  EXPECT_FALSE(taken.events(0).undecodable().has_value());
  EXPECT_EQ(taken.events(0).undecodable().reason(), v1::UNDECODABLE_REASON_TOO_LARGE);
}

}  // namespace
}  // namespace eventbus::bus
