// The reference codec against the golden vectors: what judges must itself be judged.
#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "tests/reference/decimal.h"
#include "tests/reference/decode.h"
#include "tests/reference/encode.h"
#include "tests/reference/equal.h"
#include "tests/reference/events.h"
#include "tests/reference/golden.h"
#include "tests/reference/json.h"

namespace eventbus::reference {
namespace {

std::optional<absl::string_view> View(const std::optional<std::string>& value) {
  return value.has_value() ? std::optional<absl::string_view>(*value) : std::nullopt;
}

std::string Expected(const GoldenVector& vector) {
  const auto event = DocumentedSchema().NewEvent();
  const auto status = google::protobuf::util::JsonStringToMessage(vector.event, event.get());
  EXPECT_TRUE(status.ok()) << vector.name << ": " << status.ToString();
  return Describe(*event);
}

TEST(ReferenceTest, ThereAreVectorsOfEveryKind) {
  EXPECT_GT(ReadGoldenVectors(EVENTBUS_GOLDEN_DIR).size(), 400u);
}

TEST(ReferenceTest, DecodesEveryVector) {
  for (const GoldenVector& vector : ReadGoldenVectors(EVENTBUS_GOLDEN_DIR)) {
    SCOPED_TRACE(vector.name);
    const auto& schema = DocumentedSchema();
    const DecodeResult result =
        ReferenceDecode(schema, schema.topic(vector.topic), View(vector.value));
    EXPECT_EQ(result.undecodable, vector.undecodable);
    if (result.event == nullptr || vector.event.empty()) continue;
    EXPECT_EQ(Describe(*result.event), Expected(vector));
  }
}

TEST(ReferenceTest, RewritesEveryVector) {
  for (const GoldenVector& vector : ReadGoldenVectors(EVENTBUS_GOLDEN_DIR)) {
    if (vector.event.empty()) continue;
    SCOPED_TRACE(vector.name);
    const auto& schema = DocumentedSchema();
    const event::Topic& topic = schema.topic(vector.topic);
    const DecodeResult result = ReferenceDecode(schema, topic, View(vector.value));
    ASSERT_TRUE(result.event != nullptr);
    EncodeOptions options;
    options.rules = Rules::kRewrite;
    const EncodeResult again = ReferenceEncode(schema, *result.event, options);
    EXPECT_THAT(again.violations, testing::IsEmpty());
    EXPECT_EQ(NormalForm(*topic.message, again.json), NormalForm(*topic.message, vector.rewritten));
    EXPECT_TRUE(ReferenceEqualsAsJson(topic, again.json, *vector.value)) << again.json;
  }
}

TEST(NormalFormTest, TellsApartWhatIsNotTheSame) {
  const event::Topic& topic = DocumentedSchema().topic("assessment-events");
  const auto same = [&topic](const std::string& a, const std::string& b) {
    return ReferenceEqualsAsJson(topic, "{\"payload\":{" + a + "}}", "{\"payload\":{" + b + "}}");
  };
  EXPECT_TRUE(same(R"("score":8.5e1)", R"("score":"85")"));
  EXPECT_TRUE(same(R"("violations":[])", ""));
  EXPECT_TRUE(same(R"("x":1.0,"x":[2.50])", R"("x":[2.5])"));
  EXPECT_FALSE(same(R"("score":-0.0)", R"("score":0)"));
  EXPECT_FALSE(same(R"("score":null)", ""));
  EXPECT_FALSE(same(R"("violations":null)", ""));
  EXPECT_FALSE(same(R"("violations":["5"])", R"("violations":[5])"));
  EXPECT_FALSE(same(R"("x":[])", ""));
  EXPECT_FALSE(same(R"("score":"1e400")", R"("score":1e400)"));
  EXPECT_FALSE(same(R"("x":12345678901234567890)", R"("x":12345678901234567891)"));
}

TEST(WriteDoubleTest, WritesAsEcmaScript) {
  EXPECT_EQ(WriteDouble(123456789012345680000.0), "123456789012345680000");
  EXPECT_EQ(WriteDouble(1e21), "1e+21");
  EXPECT_EQ(WriteDouble(-1.5e-7), "-1.5e-7");
  EXPECT_EQ(WriteDouble(0.000001), "0.000001");
  EXPECT_EQ(WriteDouble(-0.0), "-0.0");
}

TEST(ParseJsonTest, KeepsTheTextOfEveryMember) {
  const auto json = ParseJson(R"( { "a" : [ 1.0 , "x" ] , "b":-0e5} )");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->items[0].text, R"([ 1.0 , "x" ])");
  EXPECT_EQ(json->items[1].text, "-0e5");
  EXPECT_EQ(json->depth, 2);
}

}  // namespace
}  // namespace eventbus::reference
