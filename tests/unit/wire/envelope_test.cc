#include "server/wire/envelope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/error.h"

namespace eventbus::wire {
namespace {

using Content = PublishEnvelope::Content;

v1::PublishRequest TypedRequest(const std::string& filename = "f") {
  v1::PublishRequest request;
  request.mutable_event()->mutable_document()->mutable_payload()->set_filename(filename);
  return request;
}

std::string Serialized(const google::protobuf::Message& message) {
  return message.SerializeAsString();
}

ErrorDetails DetailsOf(const std::string& bytes, absl::string_view path = "") {
  return GetErrorDetails(ParsePublishRequest(bytes, path).status());
}

TEST(ParsePublishRequestTest, TakesTheEventsBytesAsTheyAre) {
  const v1::PublishRequest request = TypedRequest();
  const std::string bytes = Serialized(request);
  const auto envelope = ParsePublishRequest(bytes, "");
  ASSERT_TRUE(envelope.ok());
  EXPECT_EQ(envelope->content, Content::kEvent);
  EXPECT_EQ(envelope->body(), Serialized(request.event()));
  EXPECT_FALSE(envelope->ordering_key.has_value());
  EXPECT_TRUE(envelope->headers.empty());
}

TEST(ParsePublishRequestTest, TakesHeadersInTheirOrderAndTheKey) {
  v1::PublishRequest request = TypedRequest();
  for (const char* key : {"b", "a", "b"}) request.add_headers()->set_key(key);
  request.mutable_headers(1)->set_value(std::string("\0x", 2));
  request.set_ordering_key("k");
  const std::string bytes = Serialized(request);
  const auto envelope = ParsePublishRequest(bytes, "");
  ASSERT_TRUE(envelope.ok());
  ASSERT_EQ(envelope->headers.size(), 3u);
  EXPECT_EQ(envelope->headers[0].key, "b");
  EXPECT_EQ(envelope->headers[1].value, absl::string_view("\0x", 2));
  EXPECT_EQ(*envelope->ordering_key, "k");
}

TEST(ParsePublishRequestTest, TheLastMemberOfTheOneofWins) {
  v1::PublishRequest json;
  json.set_json("{}");
  const std::string typed_last = Serialized(json) + Serialized(TypedRequest());
  EXPECT_EQ(ParsePublishRequest(typed_last, "")->content, Content::kEvent);
  const std::string json_last = Serialized(TypedRequest()) + Serialized(json);
  EXPECT_EQ(ParsePublishRequest(json_last, "")->content, Content::kJson);
  EXPECT_EQ(ParsePublishRequest(json_last, "")->body(), "{}");
}

TEST(ParsePublishRequestTest, AnEventThatOccursAgainMerges) {
  v1::PublishRequest second;
  second.mutable_event()->mutable_document()->set_document_id("d");
  const std::string bytes = Serialized(TypedRequest("f")) + Serialized(second);
  const auto envelope = ParsePublishRequest(bytes, "");
  ASSERT_TRUE(envelope.ok());
  events::v1::Event event;
  ASSERT_TRUE(event.ParseFromString(std::string(envelope->body())));
  EXPECT_EQ(event.document().payload().filename(), "f");
  EXPECT_EQ(event.document().document_id(), "d");
}

TEST(ParsePublishRequestTest, AnOccurrenceOfTheEventMendsNotTheOneBefore) {
  const std::string event = TypedRequest("f").event().SerializeAsString();
  v1::PublishRequest parsed;
  for (std::size_t length = 1; length < event.size(); ++length) {
    const std::string first = event.substr(0, length);
    const std::string last = event.substr(length);
    const std::string bytes = std::string("\x0a") + static_cast<char>(first.size()) + first +
                              "\x0a" + static_cast<char>(last.size()) + last;
    ASSERT_FALSE(parsed.ParseFromString(bytes));
    EXPECT_EQ(DetailsOf(bytes).reason, v1::ERROR_REASON_EVENT_INVALID) << length;
  }
}

TEST(ParsePublishRequestTest, EveryTruncationIsRefused) {
  v1::PublishRequest request = TypedRequest();
  request.add_headers()->set_key("h");
  request.set_ordering_key("k");
  const std::string bytes = Serialized(request);
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    v1::PublishRequest parsed;
    const std::string part = bytes.substr(0, size);
    if (parsed.ParseFromString(part)) continue;  // Ends between two fields.
    EXPECT_EQ(DetailsOf(part).reason, v1::ERROR_REASON_REQUEST_INVALID) << size;
  }
}

TEST(ParsePublishRequestTest, AnUnknownFieldIsRefusedWithItsPlace) {
  v1::PublishRequest request = TypedRequest();
  request.GetReflection()->MutableUnknownFields(&request)->AddVarint(77, 1);
  const ErrorDetails top = DetailsOf(Serialized(request), "requests[3].");
  EXPECT_EQ(top.reason, v1::ERROR_REASON_UNKNOWN_FIELD);
  EXPECT_EQ(top.violations.at(0),
            (FieldViolation{"requests[3].request", "field 77 is not known to this server"}));

  v1::PublishRequest in_header = TypedRequest();
  auto& header = *in_header.add_headers();
  header.set_key("h");
  header.GetReflection()->MutableUnknownFields(&header)->AddVarint(9, 1);
  EXPECT_EQ(DetailsOf(Serialized(in_header)).violations.at(0),
            (FieldViolation{"headers[0]", "field 9 is not known to this server"}));
}

TEST(ParsePublishRequestTest, AKnownNumberOfAnotherWireTypeIsUnknown) {
  EXPECT_EQ(DetailsOf("\x08\x01").reason, v1::ERROR_REASON_UNKNOWN_FIELD);
}

TEST(ParsePublishRequestTest, OutOfBoundsIsRefusedAllAtOnce) {
  v1::PublishRequest request;
  request.set_ordering_key(std::string(1025, 'k'));
  for (int i = 0; i < 65; ++i) request.add_headers()->set_key("h");
  request.mutable_headers(0)->set_key("");
  request.mutable_headers(1)->set_key("eventbus-dlq-topic");
  request.mutable_headers(2)->set_value(std::string(16 * 1024, 'v'));
  const ErrorDetails details = DetailsOf(Serialized(request));
  EXPECT_EQ(details.reason, v1::ERROR_REASON_REQUEST_INVALID);
  const std::vector<FieldViolation> expected = {
      {"content", "not set, event or json is required"},
      {"ordering_key", "1025 bytes, 1 to 1024 are allowed"},
      {"headers", "65 headers, at most 64"},
      {"headers[0].key", "empty, a name is required"},
      {"headers[1].key",
       "\"eventbus-dlq-topic\", names that begin with eventbus- are the server's own"},
      {"headers", "16465 bytes in all, at most 16384"}};
  EXPECT_EQ(details.violations, expected);
}

TEST(ParsePublishRequestTest, AnEmptyOrderingKeyIsRefused) {
  v1::PublishRequest request = TypedRequest();
  request.set_ordering_key("");
  EXPECT_EQ(DetailsOf(Serialized(request)).violations.at(0).field, "ordering_key");
}

TEST(ParsePublishRequestTest, TextThatIsNotUtf8IsRefused) {
  EXPECT_EQ(DetailsOf(Serialized(TypedRequest()) + "\x22\x01\xff").violations.at(0),
            (FieldViolation{"ordering_key", "not UTF-8"}));
  EXPECT_EQ(DetailsOf(Serialized(TypedRequest()) + "\x1a\x03\x0a\x01\xff").violations.at(0),
            (FieldViolation{"headers[0].key", "not UTF-8"}));
}

TEST(PublishResponseBytesTest, IsWhatTheApiSays) {
  v1::PublishResponse response;
  ASSERT_TRUE(response.ParseFromString(PublishResponseBytes("id", "topic", 5, 1LL << 40)));
  EXPECT_EQ(response.event_id(), "id");
  EXPECT_EQ(response.topic(), "topic");
  EXPECT_EQ(response.partition(), 5);
  EXPECT_EQ(response.offset(), 1LL << 40);
}

}  // namespace
}  // namespace eventbus::wire
