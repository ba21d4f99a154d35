#include "server/bus/dead_letter_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/types/optional.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::Pair;

kafka::RecordView View() {
  kafka::RecordView view;
  view.topic = "document-events";
  view.partition = 2;
  view.offset = 12'345;
  view.timestamp_ms = 1'700'000'000'123;
  view.key = "k";
  view.value = "v";
  return view;
}

kafka::OutgoingRecord Made(const kafka::RecordView& view, std::string reason = "bad") {
  return MakeDeadLetterRecord({"processor", kafka::KeptRecord(view), 3, std::move(reason)},
                              "document-events.processor.dlq");
}

// The value, or "null".
std::vector<std::pair<std::string, std::string>> Headers(const kafka::OutgoingRecord& record) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const kafka::Header& header : record.headers) {
    headers.emplace_back(header.key, header.value.value_or("null"));
  }
  return headers;
}

TEST(MakeDeadLetterRecordTest, GoesToTheOriginsPartitionWithKeyAndValue) {
  const auto record = Made(View());
  EXPECT_EQ(record.topic, "document-events.processor.dlq");
  EXPECT_EQ(record.partition, 2);
  EXPECT_EQ(record.key, "k");
  EXPECT_EQ(record.value, "v");
}

TEST(MakeDeadLetterRecordTest, TellsWhereTheRecordWasAndWhyItIsHere) {
  EXPECT_THAT(
      Headers(Made(View(), "max_delivery_attempts")),
      ElementsAre(Pair("eventbus-dlq-topic", "document-events"),
                  Pair("eventbus-dlq-partition", "2"), Pair("eventbus-dlq-offset", "12345"),
                  Pair("eventbus-dlq-timestamp", "1700000000123"),
                  Pair("eventbus-dlq-group", "processor"), Pair("eventbus-dlq-attempts", "3"),
                  Pair("eventbus-dlq-reason", "max_delivery_attempts")));
}

TEST(MakeDeadLetterRecordTest, NullsAreNotEmpty) {
  kafka::RecordView view = View();
  view.key = absl::nullopt;
  view.value = absl::nullopt;
  EXPECT_FALSE(Made(view).key.has_value());
  EXPECT_FALSE(Made(view).value.has_value());
  view.key = "";
  view.value = "";
  EXPECT_EQ(Made(view).key, "");
  EXPECT_EQ(Made(view).value, "");
}

TEST(MakeDeadLetterRecordTest, ARecordWithoutATimeSaysMinusOne) {
  kafka::RecordView view = View();
  view.timestamp_ms = -1;
  EXPECT_THAT(Headers(Made(view))[3], Pair("eventbus-dlq-timestamp", "-1"));
}

TEST(MakeDeadLetterRecordTest, HeadersComeFirstAndAsTheyWere) {
  kafka::RecordView view = View();
  view.headers = {{"a", absl::string_view("1")},
                  {"a", absl::nullopt},
                  {"\xff", absl::string_view("")},
                  {"eventbus-dlq-topic", absl::string_view("an earlier one")}};
  const auto headers = Headers(Made(view));
  ASSERT_EQ(headers.size(), 11u);
  EXPECT_THAT(headers[0], Pair("a", "1"));
  EXPECT_THAT(headers[1], Pair("a", "null"));
  EXPECT_THAT(headers[2], Pair("\xff", ""));
  EXPECT_THAT(headers[3], Pair("eventbus-dlq-topic", "an earlier one"));
  EXPECT_THAT(headers[4], Pair("eventbus-dlq-topic", "document-events"));
}

}  // namespace
}  // namespace eventbus::bus
