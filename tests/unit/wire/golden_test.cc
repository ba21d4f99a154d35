// Every vector of tests/golden, read by the codec, and by the reference codec beside it.
#include "tests/reference/golden.h"

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "eventbus/v1/event_bus_service.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "server/base/error.h"
#include "server/wire/decode.h"
#include "server/wire/encode.h"
#include "tests/reference/decode.h"
#include "tests/reference/encode_json.h"
#include "tests/reference/equal.h"
#include "tests/reference/events.h"

namespace eventbus::wire {
namespace {

using reference::Describe;
using reference::DocumentedSchema;
using reference::GoldenVector;

const Plan& DocumentedPlan() {
  static const std::unique_ptr<const Plan> plan =
      Plan::Compile(DocumentedSchema().catalog()).value();
  return *plan;
}

std::string NameOf(Reason reason) {
  const std::string name =
      v1::UndecodableReason_Name(static_cast<v1::UndecodableReason>(static_cast<int>(reason)));
  return name.substr(std::string("UNDECODABLE_REASON_").size());
}

std::variant<Decoded, Undecodable> Decode(const GoldenVector& vector) {
  absl::optional<absl::string_view> value;
  if (vector.value.has_value()) value = *vector.value;
  return wire::Decode(DocumentedPlan(), *DocumentedPlan().FindByTopic(vector.topic), value);
}

absl::StatusOr<Encoded> Rewrite(absl::string_view event) {
  const auto no_id = [] { return std::string("an id was asked for"); };
  const auto no_time = [] { return absl::UnixEpoch(); };
  return EncodeEvent(DocumentedPlan(), event,
                     {Rules::kRewrite, "event", 1'000'000, no_id, no_time});
}

TEST(GoldenTest, AnEventIsReadAsTheVectorSays) {
  for (const GoldenVector& vector : reference::ReadGoldenVectors(EVENTBUS_GOLDEN_DIR)) {
    if (vector.event.empty()) continue;
    SCOPED_TRACE(vector.name);
    const auto result = Decode(vector);
    ASSERT_TRUE(std::holds_alternative<Decoded>(result)) << std::get<Undecodable>(result).detail;
    const auto event = DocumentedSchema().Parse(std::get<Decoded>(result).event);
    ASSERT_TRUE(event != nullptr) << "protobuf cannot read what was decoded";
    const auto expected = DocumentedSchema().NewEvent();
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(vector.event, expected.get()).ok());
    EXPECT_EQ(Describe(*event), Describe(*expected));
  }
}

TEST(GoldenTest, WhatIsUndecodableHasTheReasonTheVectorSays) {
  for (const GoldenVector& vector : reference::ReadGoldenVectors(EVENTBUS_GOLDEN_DIR)) {
    if (vector.undecodable.empty()) continue;
    SCOPED_TRACE(vector.name);
    const auto result = Decode(vector);
    ASSERT_TRUE(std::holds_alternative<Undecodable>(result));
    EXPECT_EQ(NameOf(std::get<Undecodable>(result).reason), vector.undecodable);
    EXPECT_FALSE(std::get<Undecodable>(result).detail.empty());
  }
}

// To the byte: the codec writes escapes, numbers and members as the vectors have them.
TEST(GoldenTest, WhatWasReadIsWrittenAsTheVectorSays) {
  for (const GoldenVector& vector : reference::ReadGoldenVectors(EVENTBUS_GOLDEN_DIR)) {
    if (vector.event.empty()) continue;
    SCOPED_TRACE(vector.name);
    const auto result = Decode(vector);
    ASSERT_TRUE(std::holds_alternative<Decoded>(result));
    const auto again = Rewrite(std::get<Decoded>(result).event);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->json, vector.rewritten);
    EXPECT_EQ(again->topic->name, vector.topic);
    EXPECT_EQ(again->event_id, std::get<Decoded>(result).event_id);
    EXPECT_TRUE(reference::ReferenceEqualsAsJson(*again->topic, again->json, *vector.value));
  }
}

// What was written once is written so for ever.
TEST(GoldenTest, WhatIsWrittenIsItsOwnNormalForm) {
  for (const GoldenVector& vector : reference::ReadGoldenVectors(EVENTBUS_GOLDEN_DIR)) {
    if (vector.event.empty()) continue;
    SCOPED_TRACE(vector.name);
    GoldenVector written = vector;
    written.value = vector.rewritten;
    const auto result = Decode(written);
    ASSERT_TRUE(std::holds_alternative<Decoded>(result));
    const auto again = Rewrite(std::get<Decoded>(result).event);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->json, vector.rewritten);
  }
}

TEST(GoldenTest, TheReferenceReadsTheSameIdAndType) {
  for (const GoldenVector& vector : reference::ReadGoldenVectors(EVENTBUS_GOLDEN_DIR)) {
    if (vector.event.empty()) continue;
    SCOPED_TRACE(vector.name);
    const auto result = Decode(vector);
    const reference::DecodeResult expected = reference::ReferenceDecode(
        DocumentedSchema(), DocumentedSchema().topic(vector.topic), *vector.value);
    ASSERT_TRUE(std::holds_alternative<Decoded>(result));
    EXPECT_EQ(std::get<Decoded>(result).event_id, expected.event_id);
    EXPECT_EQ(std::get<Decoded>(result).event_type, expected.event_type);
  }
}

// Every value as the `json` of a request.
TEST(GoldenTest, AsJsonOfARequestItIsWrittenOrRefusedAsTheReferenceDoes) {
  reference::EncodeOptions expected_options;
  expected_options.path = "json";
  const auto id = [&expected_options] { return expected_options.new_event_id; };
  const auto now = [] { return absl::FromUnixMillis(1704067200001); };
  int written = 0;
  for (const GoldenVector& vector : reference::ReadGoldenVectors(EVENTBUS_GOLDEN_DIR)) {
    if (!vector.value.has_value()) continue;
    SCOPED_TRACE(vector.name);
    const auto encoded =
        EncodeJson(DocumentedPlan(), *vector.value, {Rules::kPublish, "json", 1'000'000, id, now});
    const auto expected =
        reference::ReferenceEncodeJson(DocumentedSchema(), *vector.value, expected_options);
    std::vector<std::string> refused;
    for (const FieldViolation& violation : GetErrorDetails(encoded.status()).violations) {
      refused.push_back(violation.field);
    }
    EXPECT_THAT(refused, testing::UnorderedElementsAreArray(expected.violations));
    if (!encoded.ok()) continue;
    ++written;
    EXPECT_TRUE(reference::SameJson(encoded->json, expected.json)) << encoded->json;
    EXPECT_EQ(encoded->key, expected.key);
  }
  EXPECT_GT(written, 100);
}

TEST(GoldenTest, AnEventOfThreeMebibytesIsTheLargest) {
  GoldenVector vector;
  vector.topic = "document-events";
  // `user_id`: a tag, four bytes of length; the family: the same.
  const std::size_t limit = std::size_t{3} << 20;
  vector.value = "{\"user_id\":\"" + std::string(limit - 10, 'u') + "\"}";
  const auto fits = Decode(vector);
  ASSERT_TRUE(std::holds_alternative<Decoded>(fits));
  EXPECT_EQ(std::get<Decoded>(fits).event.size(), limit);
  vector.value = "{\"user_id\":\"" + std::string(limit - 9, 'u') + "\"}";
  const auto past = Decode(vector);
  ASSERT_TRUE(std::holds_alternative<Undecodable>(past));
  EXPECT_EQ(std::get<Undecodable>(past).reason, Reason::kTooLarge);
}

TEST(GoldenTest, MetadataOfMoreThanAMebibyteAsProtobufIsKeptAsText) {
  std::string zeros = "0";
  for (int i = 1; i < 200'000; ++i) zeros += ",0";
  GoldenVector vector;
  vector.topic = "analytics-events";
  vector.value = "{\"payload\":{\"metadata\":{\"a\":[" + zeros + "]}}}";
  const auto result = Decode(vector);
  ASSERT_TRUE(std::holds_alternative<Decoded>(result));
  const auto event = DocumentedSchema().Parse(std::get<Decoded>(result).event);
  const auto expected = reference::ReferenceDecode(
      DocumentedSchema(), DocumentedSchema().topic(vector.topic), *vector.value);
  ASSERT_TRUE(event != nullptr && expected.event != nullptr);
  EXPECT_LT(event->ByteSizeLong(), 500'000u);
  EXPECT_EQ(Describe(*event), Describe(*expected.event));
}

}  // namespace
}  // namespace eventbus::wire
