#include "server/wire/struct_decode.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/unit/wire/decode_support.h"

namespace eventbus::wire {
namespace {

std::string Lists(int levels) {
  const auto count = static_cast<std::size_t>(levels);
  return std::string(count, '[') + std::string(count, ']');
}

// What extra_json holds if `metadata` does not fit.
std::string KeptMetadata(absl::string_view metadata) {
  const auto payload = AnalyticsPayload(absl::StrCat("\"page\":\"p\",\"metadata\":", metadata));
  EXPECT_EQ(payload.page(), "p");
  EXPECT_EQ(payload.has_metadata(), payload.extra_json().empty());
  return payload.extra_json();
}

TEST(StructDecodeTest, AnyJsonFits) {
  const auto metadata =
      AnalyticsPayload(R"("metadata":{"a":{"b":[1,-2.5,null,true,false,"x",[],{}]},"":-0.0})")
          .metadata();
  EXPECT_TRUE(std::signbit(metadata.fields().at("").number_value()));
  const auto& list = metadata.fields().at("a").struct_value().fields().at("b").list_value();
  ASSERT_EQ(list.values_size(), 8);
  EXPECT_EQ(list.values(0).number_value(), 1);
  EXPECT_EQ(list.values(1).number_value(), -2.5);
  EXPECT_TRUE(list.values(2).has_null_value());
  EXPECT_TRUE(list.values(3).bool_value());
  EXPECT_TRUE(list.values(4).has_bool_value());
  EXPECT_EQ(list.values(5).string_value(), "x");
  EXPECT_TRUE(list.values(6).has_list_value());
  EXPECT_TRUE(list.values(7).has_struct_value());
}

TEST(StructDecodeTest, EmptyMetadataIsPresent) {
  EXPECT_TRUE(AnalyticsPayload(R"("metadata":{})").has_metadata());
}

TEST(StructDecodeTest, LongStringsAndEscapes) {
  const std::string text(300, 'x');
  const auto metadata =
      AnalyticsPayload(absl::StrCat(R"("metadata":{"\u0061":"\n)", text, "\"}")).metadata();
  EXPECT_EQ(metadata.fields().at("a").string_value(), "\n" + text);
}

TEST(StructDecodeTest, OneNumberThatDoesNotFitKeepsTheWhole) {
  const char metadata[] = R"({"a": 1, "trace": {"id": [12345678901234567890]}, "b": 2})";
  EXPECT_EQ(KeptMetadata(metadata), absl::StrCat("{\"metadata\":", metadata, "}"));
}

TEST(StructDecodeTest, ANumberInAStringStaysAString) {
  EXPECT_EQ(AnalyticsPayload(R"("metadata":{"a":"1"})").metadata().fields().at("a").string_value(),
            "1");
}

TEST(StructDecodeTest, HalfOfASurrogatePairKeepsTheWhole) {
  EXPECT_EQ(KeptMetadata(R"({"a":["\ud800"]})"), R"({"metadata":{"a":["\ud800"]}})");
  EXPECT_EQ(KeptMetadata(R"({"a":{"\udc00":1}})"), R"({"metadata":{"a":{"\udc00":1}}})");
}

TEST(StructDecodeTest, WhatIsNoObjectIsKept) {
  EXPECT_EQ(KeptMetadata("[]"), R"({"metadata":[]})");
  EXPECT_EQ(KeptMetadata("null"), R"({"metadata":null})");
}

TEST(StructDecodeTest, TwentyFourLevelsFit) {
  EXPECT_EQ(KeptMetadata(absl::StrCat("{\"a\":", Lists(23), "}")), "");
}

TEST(StructDecodeTest, TwentyFiveLevelsAreKept) {
  const std::string metadata = absl::StrCat("{\"a\":", Lists(24), "}");
  EXPECT_EQ(KeptMetadata(metadata), absl::StrCat("{\"metadata\":", metadata, "}"));
}

TEST(StructDecodeTest, ViolationsAreTheFirstLevel) {
  EXPECT_EQ(AssessmentPayload("\"violations\":" + Lists(24)).violations_size(), 1);
  const auto payload = AssessmentPayload("\"violations\":" + Lists(25));
  EXPECT_EQ(payload.violations_size(), 0);
  EXPECT_EQ(payload.extra_json(), "{\"violations\":" + Lists(25) + "}");
}

TEST(StructDecodeTest, ViolationsHoldAnyValue) {
  const auto payload = AssessmentPayload(R"("violations":[{"kind":"tab"},"phone",null,1,[2]])");
  ASSERT_EQ(payload.violations_size(), 5);
  EXPECT_EQ(payload.violations(0).struct_value().fields().at("kind").string_value(), "tab");
  EXPECT_EQ(payload.violations(1).string_value(), "phone");
  EXPECT_TRUE(payload.violations(2).has_null_value());
}

TEST(StructDecodeTest, OneViolationThatDoesNotFitKeepsAll) {
  const auto payload = AssessmentPayload(R"("score":1,"violations":["a",1e400,{"b":2}])");
  EXPECT_EQ(payload.violations_size(), 0);
  EXPECT_EQ(payload.score(), 1);
  EXPECT_EQ(payload.extra_json(), R"({"violations":["a",1e400,{"b":2}]})");
}

TEST(StructDecodeTest, OneMebibyteIsTheMost) {
  constexpr std::size_t kMost = 1 << 20;
  // Of the one entry: tag and length, name, the value's tag and length, the string's.
  constexpr std::size_t kOverhead = 4 + 3 + 4 + 4;
  const auto metadata = [](std::size_t bytes) {
    return absl::StrCat("{\"a\":\"", std::string(bytes - kOverhead, 'x'), "\"}");
  };
  const auto fits = AnalyticsPayload(absl::StrCat("\"metadata\":", metadata(kMost)));
  EXPECT_EQ(fits.metadata().ByteSizeLong(), kMost);
  EXPECT_EQ(KeptMetadata(metadata(kMost + 1)),
            absl::StrCat("{\"metadata\":", metadata(kMost + 1), "}"));
}

TEST(StructDecodeTest, WhatGrowsPastOneMebibyteIsKept) {
  std::string violations = "\"violations\":[0";
  for (int i = 0; i < 200'000; ++i) violations += ",0";
  EXPECT_EQ(AssessmentPayload(violations + "]").violations_size(), 0);
}

}  // namespace
}  // namespace eventbus::wire
