#include <string>

#include "absl/strings/str_cat.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "gtest/gtest.h"
#include "tests/unit/wire/decode_support.h"

namespace eventbus::wire {
namespace {

Undecodable Failure(absl::optional<absl::string_view> value) {
  auto result = DecodeTopic("document-events", value);
  if (std::holds_alternative<Decoded>(result)) {
    ADD_FAILURE() << "decoded: " << value.value_or("null");
    return {};
  }
  return std::get<Undecodable>(result);
}

Reason ReasonOf(absl::string_view value) { return Failure(value).reason; }

std::string Levels(std::size_t count) {
  std::string value;
  for (std::size_t i = 0; i < count; ++i) value += "{\"payload\":";
  return value + "1" + std::string(count, '}');
}

// `event` as it is when its x is one string of `count` bytes.
std::string WithExtra(std::size_t count) {
  return absl::StrCat("{\"x\":\"", std::string(count, 'x'), "\"}");
}

TEST(UndecodableTest, ReasonsHaveTheNumbersOfTheApi) {
  const auto number = [](Reason reason) { return static_cast<int>(reason); };
  EXPECT_EQ(number(Reason::kInvalidJson), v1::UNDECODABLE_REASON_INVALID_JSON);
  EXPECT_EQ(number(Reason::kInvalidUtf8), v1::UNDECODABLE_REASON_INVALID_UTF8);
  EXPECT_EQ(number(Reason::kNotAnObject), v1::UNDECODABLE_REASON_NOT_AN_OBJECT);
  EXPECT_EQ(number(Reason::kTooDeep), v1::UNDECODABLE_REASON_TOO_DEEP);
  EXPECT_EQ(number(Reason::kTombstone), v1::UNDECODABLE_REASON_TOMBSTONE);
  EXPECT_EQ(number(Reason::kEmpty), v1::UNDECODABLE_REASON_EMPTY);
  EXPECT_EQ(number(Reason::kTooLarge), v1::UNDECODABLE_REASON_TOO_LARGE);
  EXPECT_EQ(v1::UndecodableReason_ARRAYSIZE, 8);
}

TEST(UndecodableTest, NullIsATombstone) {
  EXPECT_EQ(Failure(absl::nullopt).reason, Reason::kTombstone);
}

TEST(UndecodableTest, NoBytesAreEmpty) { EXPECT_EQ(ReasonOf(""), Reason::kEmpty); }

TEST(UndecodableTest, BrokenJson) {
  EXPECT_EQ(ReasonOf("  "), Reason::kInvalidJson);
  EXPECT_EQ(ReasonOf("hello"), Reason::kInvalidJson);
  EXPECT_EQ(ReasonOf("{\"event_id\":\"e\""), Reason::kInvalidJson);
  EXPECT_EQ(ReasonOf("{}}"), Reason::kInvalidJson);
  EXPECT_EQ(ReasonOf("[1,2"), Reason::kInvalidJson);
  EXPECT_EQ(ReasonOf("{\"event_id\":tru}"), Reason::kInvalidJson);
  EXPECT_EQ(ReasonOf(std::string(64, '\0')), Reason::kInvalidJson);
}

TEST(UndecodableTest, NaNIsNotJson) {
  EXPECT_EQ(ReasonOf(R"({"payload":{"file_size":NaN}})"), Reason::kInvalidJson);
  EXPECT_EQ(ReasonOf(R"({"x":-Infinity})"), Reason::kInvalidJson);
}

TEST(UndecodableTest, WhatIsPassedOverIsCheckedToo) {
  EXPECT_EQ(ReasonOf(R"({"unknown":{"a":[01]}})"), Reason::kInvalidJson);
  EXPECT_EQ(ReasonOf(R"({"payload":[tru]})"), Reason::kInvalidJson);
  EXPECT_EQ(ReasonOf(R"({"event_id":{"a":"\x"}})"), Reason::kInvalidJson);
  EXPECT_EQ(ReasonOf("{\"unknown\":\"\x01\"}"), Reason::kInvalidJson);
  EXPECT_EQ(ReasonOf("{\"unknown\":\"\xff\"}"), Reason::kInvalidUtf8);
}

TEST(UndecodableTest, MetadataThatIsBrokenAfterAMisfit) {
  const auto result =
      DecodeTopic("analytics-events", R"({"payload":{"metadata":{"a":1e400,"b":}}})");
  ASSERT_TRUE(std::holds_alternative<Undecodable>(result));
  EXPECT_EQ(std::get<Undecodable>(result).reason, Reason::kInvalidJson);
}

TEST(UndecodableTest, AByteOrderMarkIsNotJson) {
  EXPECT_EQ(ReasonOf("\xEF\xBB\xBF{}"), Reason::kInvalidJson);
}

TEST(UndecodableTest, OtherEncodings) {
  EXPECT_EQ(ReasonOf(absl::string_view("\xFF\xFE{\0}\0", 6)), Reason::kInvalidUtf8);
  EXPECT_EQ(ReasonOf("{\"a\":\"\xed\xa0\x80\"}"), Reason::kInvalidUtf8);
  EXPECT_EQ(ReasonOf("{\"a\":\"\xc0\xaf\"}"), Reason::kInvalidUtf8);
  EXPECT_EQ(ReasonOf("{\"a\":\"\xe2\x98"), Reason::kInvalidUtf8);
}

TEST(UndecodableTest, OtherValuesAreNotObjects) {
  for (const char* value : {"[{}]", "42", "\"{}\"", "null", " true "}) {
    EXPECT_EQ(ReasonOf(value), Reason::kNotAnObject) << value;
  }
  EXPECT_EQ(ReasonOf(std::string(100, '[') + std::string(100, ']')), Reason::kNotAnObject);
}

TEST(UndecodableTest, TheOutermostObjectIsTheFirstOf64Levels) {
  EXPECT_EQ(Document(Levels(64)).payload().extra_json().size(), Levels(62).size() + 12);
  EXPECT_EQ(ReasonOf(Levels(65)), Reason::kTooDeep);
  EXPECT_EQ(ReasonOf(Levels(5000)), Reason::kTooDeep);
}

TEST(UndecodableTest, BrokenHoweverDeepIsBroken) {
  EXPECT_EQ(ReasonOf(Levels(5000) + "}"), Reason::kInvalidJson);
  EXPECT_EQ(ReasonOf(std::string(1'000'000, '[')), Reason::kInvalidJson);
  EXPECT_EQ(ReasonOf("{\"a\":" + std::string(1'000'000, '[')), Reason::kInvalidJson);
}

TEST(UndecodableTest, ThreeMebibytesOfProtobufAreTheMost) {
  constexpr std::size_t kMost = 3 << 20;
  const std::size_t overhead =
      DecodedOf("document-events", WithExtra(3'000'000)).event.size() - 3'000'000;
  EXPECT_EQ(DecodedOf("document-events", WithExtra(kMost - overhead)).event.size(), kMost);
  EXPECT_EQ(ReasonOf(WithExtra(kMost - overhead + 1)), Reason::kTooLarge);
}

TEST(UndecodableTest, DetailSaysWhatAndWhere) {
  EXPECT_EQ(Failure("{\"a\":nope}").detail, "byte 5: not a JSON value");
  EXPECT_EQ(Failure("{\"a\":\"\xff\"}").detail, "byte 6: not UTF-8");
  EXPECT_EQ(Failure("[]").detail, "an array, not an object");
  EXPECT_EQ(Failure(Levels(65)).detail, "byte 704: nested past 64 levels");
}

}  // namespace
}  // namespace eventbus::wire
