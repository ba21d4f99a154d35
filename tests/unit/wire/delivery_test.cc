#include "server/wire/delivery.h"

#include <gtest/gtest.h>

#include "eventbus/v1/event_bus_service.pb.h"

namespace eventbus::wire {
namespace {

constexpr absl::string_view kToken = "ABCDEFGHIJKLMNOPQRSTUVWX";
static_assert(kToken.size() == kMaxAckTokenBytes);

v1::ReceivedEvent Write(const ReceivedRecord& record,
                        const std::variant<Decoded, Undecodable>& body, bool json = false,
                        std::size_t max_bytes = kMaxResponseBytes) {
  std::string bytes;
  AppendReceivedEvent(record, body, json, max_bytes, bytes);
  EXPECT_LE(bytes.size(), max_bytes);
  v1::SubscribeResponse response;
  EXPECT_TRUE(response.ParseFromString(BatchPrefix(bytes.size()) + bytes));
  EXPECT_EQ(response.batch().events_size(), 1);
  return response.batch().events(0);
}

ReceivedRecord Record(absl::string_view value) {
  ReceivedRecord record;
  record.topic = "t";
  record.value = value;
  return record;
}

Decoded Event(const std::string& filename = "f") {
  events::v1::Event event;
  event.mutable_document()->mutable_payload()->set_filename(filename);
  return {event.SerializeAsString(), "the-id", "the.type"};
}

TEST(AppendReceivedEventTest, HasEverythingOfTheRecord) {
  ReceivedRecord record = Record("{}");
  record.partition = 3;
  record.offset = 1LL << 40;
  record.timestamp_ms = 1'700'000'000'123;
  record.key = "k";
  record.headers = {{"h", "v"}, {"h", ""}};
  const v1::ReceivedEvent event = Write(record, Event());
  EXPECT_EQ(event.event().document().payload().filename(), "f");
  EXPECT_EQ(event.event_id(), "the-id");
  EXPECT_EQ(event.event_type(), "the.type");
  EXPECT_EQ(event.topic(), "t");
  EXPECT_EQ(event.partition(), 3);
  EXPECT_EQ(event.offset(), 1LL << 40);
  EXPECT_EQ(event.record_time().seconds(), 1'700'000'000);
  EXPECT_EQ(event.record_time().nanos(), 123'000'000);
  EXPECT_EQ(event.ordering_key(), "k");
  ASSERT_EQ(event.headers_size(), 2);
  EXPECT_EQ(event.headers(0).value(), "v");
  EXPECT_EQ(event.headers(1).value(), "");
  EXPECT_TRUE(event.GetReflection()->GetUnknownFields(event).empty());
}

TEST(AppendReceivedEventTest, ARecordWithoutATimeHasNone) {
  EXPECT_FALSE(Write(Record("{}"), Event()).has_record_time());
}

TEST(AppendReceivedEventTest, ANullKeyIsNeitherAnOrderingNorARawKey) {
  const v1::ReceivedEvent event = Write(Record("{}"), Event());
  EXPECT_FALSE(event.has_ordering_key());
  EXPECT_FALSE(event.has_raw_key());
}

TEST(AppendReceivedEventTest, AnEmptyKeyIsAKey) {
  ReceivedRecord record = Record("{}");
  record.key = "";
  EXPECT_TRUE(Write(record, Event()).has_ordering_key());
}

TEST(AppendReceivedEventTest, AKeyThatIsNotUtf8IsARawOne) {
  ReceivedRecord record = Record("{}");
  record.key = "\xff";
  const v1::ReceivedEvent event = Write(record, Event());
  EXPECT_EQ(event.raw_key(), "\xff");
  EXPECT_FALSE(event.has_ordering_key());
}

TEST(AppendReceivedEventTest, AHeadersNameThatIsNotUtf8IsRepaired) {
  ReceivedRecord record = Record("{}");
  record.headers = {{"a\xff\xC3\xA9\xE2\x98", "v"}};
  EXPECT_EQ(Write(record, Event()).headers(0).key(), "a\uFFFD\u00E9\uFFFD\uFFFD");
}

TEST(AppendReceivedEventTest, TheTokenStandsWhereItsNumberSays) {
  ReceivedRecord record = Record("{}");
  record.ack_token = kToken;
  record.headers = {{"h", "v"}};
  const v1::ReceivedEvent event = Write(record, Event(), true);
  EXPECT_EQ(event.ack_token(), kToken);
  EXPECT_EQ(event.headers_size(), 1);
  EXPECT_EQ(event.json(), "{}");
  EXPECT_TRUE(event.GetReflection()->GetUnknownFields(event).empty());
  std::string bytes;
  AppendReceivedEvent(record, Event(), true, kMaxResponseBytes, bytes);
  EXPECT_EQ(bytes.substr(bytes.size() - event.ByteSizeLong()), event.SerializeAsString());
}

TEST(AppendReceivedEventTest, WithoutATokenNothingIsWritten) {
  ReceivedRecord record = Record("{}");
  const std::size_t without = Write(record, Event()).ByteSizeLong();
  record.ack_token = kToken;
  EXPECT_EQ(Write(record, Event()).ByteSizeLong(), without + 2 + kToken.size());
}

TEST(AppendReceivedEventTest, TheAttemptStandsBetweenTheTokenAndTheJson) {
  ReceivedRecord record = Record("{}");
  record.ack_token = kToken;
  record.delivery_attempt = 300;
  const v1::ReceivedEvent event = Write(record, Event(), true);
  EXPECT_EQ(event.delivery_attempt(), 300);
  EXPECT_EQ(event.json(), "{}");
  EXPECT_TRUE(event.GetReflection()->GetUnknownFields(event).empty());
  std::string bytes;
  AppendReceivedEvent(record, Event(), true, kMaxResponseBytes, bytes);
  EXPECT_EQ(bytes.substr(bytes.size() - event.ByteSizeLong()), event.SerializeAsString());
}

TEST(AppendReceivedEventTest, AnAttemptThatIsNotCountedIsNotWritten) {
  ReceivedRecord record = Record("{}");
  const std::size_t without = Write(record, Event()).ByteSizeLong();
  record.delivery_attempt = 1;
  EXPECT_EQ(Write(record, Event()).ByteSizeLong(), without + 2);
}

TEST(AppendReceivedEventTest, TheAttemptIsNeverLeftOut) {
  for (std::size_t bytes = 0; bytes < 1100; ++bytes) {
    const std::string filler(bytes, 'x');
    ReceivedRecord record = Record("{}");
    record.ack_token = kToken;
    record.delivery_attempt = 1 << 30;
    record.key = filler;
    record.headers = {{"h", filler}};
    const v1::ReceivedEvent event = Write(record, Event(filler), true, 1000);
    EXPECT_EQ(event.delivery_attempt(), 1 << 30) << bytes;
    EXPECT_EQ(event.ack_token(), kToken) << bytes;
  }
}

TEST(AppendReceivedEventTest, TheTokenIsNeverLeftOut) {
  for (std::size_t bytes = 0; bytes < 1100; ++bytes) {
    const std::string filler(bytes, 'x');
    ReceivedRecord record = Record("{}");
    record.ack_token = kToken;
    EXPECT_EQ(Write(record, Event(filler), true, 1000).ack_token(), kToken) << bytes;
    record.key = filler;
    EXPECT_EQ(Write(record, Event(), true, 1000).ack_token(), kToken) << bytes;
    record.headers = {{"h", filler}};
    EXPECT_EQ(Write(record, Event(filler), true, 1000).ack_token(), kToken) << bytes;
    record.value = filler;
    EXPECT_EQ(Write(record, Undecodable{Reason::kInvalidJson, "no"}, true, 1000).ack_token(),
              kToken)
        << bytes;
  }
}

TEST(AppendReceivedEventTest, JsonGivesWayToTheToken) {
  const std::string json(700, ' ');
  for (std::size_t bytes = 0; bytes < 300; ++bytes) {
    ReceivedRecord record = Record(json);
    record.ack_token = kToken;
    const v1::ReceivedEvent event = Write(record, Event(std::string(bytes, 'x')), true, 1000);
    EXPECT_EQ(event.ack_token(), kToken);
    EXPECT_EQ(event.event().document().payload().filename().size(), bytes);
  }
}

TEST(AppendReceivedEventTest, JsonIsTheRecordsOwnText) {
  EXPECT_EQ(Write(Record(" {} "), Event(), true).json(), " {} ");
  EXPECT_EQ(Write(Record("hello"), Undecodable{Reason::kInvalidJson, "no"}, true).json(), "");
}

TEST(AppendReceivedEventTest, AnUndecodableValueComesAsItIs) {
  const v1::ReceivedEvent event = Write(Record("hello"), Undecodable{Reason::kInvalidJson, "no"});
  EXPECT_EQ(event.undecodable().value(), "hello");
  EXPECT_EQ(event.undecodable().reason(), v1::UNDECODABLE_REASON_INVALID_JSON);
  EXPECT_EQ(event.undecodable().detail(), "no");
}

TEST(AppendReceivedEventTest, ATombstoneHasNoValueAndAnEmptyRecordHasOne) {
  ReceivedRecord tombstone;
  EXPECT_FALSE(Write(tombstone, Undecodable{Reason::kTombstone, ""}).undecodable().has_value());
  EXPECT_TRUE(Write(Record(""), Undecodable{Reason::kEmpty, ""}).undecodable().has_value());
}

TEST(AppendReceivedEventTest, JsonIsLeftOutWhereItWouldNotFit) {
  const std::string json(600, ' ');
  const v1::ReceivedEvent event = Write(Record(json), Event(std::string(500, 'x')), true, 1000);
  EXPECT_EQ(event.event().document().payload().filename().size(), 500u);
  EXPECT_EQ(event.json(), "");
}

TEST(AppendReceivedEventTest, AnEventThatDoesNotFitIsTooLargeAndKeepsItsPlace) {
  ReceivedRecord record = Record("{}");
  record.offset = 9;
  record.headers = {{"h", "v"}};
  const v1::ReceivedEvent event = Write(record, Event(std::string(2000, 'x')), true, 1000);
  EXPECT_EQ(event.undecodable().reason(), v1::UNDECODABLE_REASON_TOO_LARGE);
  EXPECT_FALSE(event.undecodable().has_value());
  EXPECT_EQ(event.offset(), 9);
  EXPECT_EQ(event.event_type(), "the.type");
  EXPECT_EQ(event.headers_size(), 1);
}

TEST(AppendReceivedEventTest, HeadersThatDoNotFitAreLeftOutLast) {
  ReceivedRecord record = Record("{}");
  const std::string value(2000, 'v');
  record.headers = {{"h", value}};
  const v1::ReceivedEvent event = Write(record, Event(), false, 1000);
  EXPECT_EQ(event.undecodable().reason(), v1::UNDECODABLE_REASON_TOO_LARGE);
  EXPECT_EQ(event.headers_size(), 0);
}

TEST(AppendReceivedEventTest, AKeyThatDoesNotFitIsLeftOutToo) {
  ReceivedRecord record = Record("{}");
  const std::string key(2000, 'k');
  record.key = key;
  record.offset = 9;
  const v1::ReceivedEvent event = Write(record, Event(), false, 1000);
  EXPECT_EQ(event.undecodable().reason(), v1::UNDECODABLE_REASON_TOO_LARGE);
  EXPECT_FALSE(event.has_ordering_key());
  EXPECT_EQ(event.offset(), 9);
}

TEST(AppendBatchTokenTest, StandsAfterTheEvents) {
  std::string bytes;
  AppendReceivedEvent(Record("{}"), Event(), false, kMaxResponseBytes, bytes);
  const std::size_t events = bytes.size();
  AppendBatchToken("", bytes);
  EXPECT_EQ(bytes.size(), events);
  AppendBatchToken(kToken, bytes);
  EXPECT_EQ(bytes.size(), events + kMaxBatchTokenBytes);
  v1::SubscribeResponse response;
  ASSERT_TRUE(response.ParseFromString(BatchPrefix(bytes.size()) + bytes));
  EXPECT_EQ(response.batch().ack_token(), kToken);
  EXPECT_EQ(response.batch().events_size(), 1);
  EXPECT_EQ(response.batch().SerializeAsString(), bytes);
}

}  // namespace
}  // namespace eventbus::wire
