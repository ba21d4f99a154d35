// What the fuzz targets do with the documented schema, seeded and short, for the schema with a
// sixth topic: repeated scalars, messages inside the payload, a second enum.
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "gtest/gtest.h"
#include "server/wire/decode.h"
#include "server/wire/encode.h"
#include "server/wire/plan.h"
#include "tests/fuzz/encode_check.h"
#include "tests/fuzz/json_mutator.h"
#include "tests/fuzz/proto_mutator.h"
#include "tests/reference/decode.h"
#include "tests/reference/equal.h"
#include "tests/reference/schema.h"
#include "tests/unit/schema/library_schema.h"

namespace eventbus::testing {
namespace {

constexpr char kLent[] =
    R"({"event_id":"0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c10","event_type":"book.lent",)"
    R"("timestamp":"2024-01-01T10:00:00Z","book_id":"7","payload":{"title":"Candide",)"
    R"("form":"paper","renewed":false,"fee":0.1,"days":9007199254740993,)"
    R"("due":"2024-01-29T10:00:00.500Z","shelf":{"room":"r","row":-1,"places":[3,4]},)"
    R"("pages":[1,9223372036854775807,-1],"tags":["a","","a"],"read":[true,false],)"
    R"("ratings":[0.5,-0.0,1e+21],"notes":[null,{"n":1}],"details":{"lang":"fr"}}})";

const reference::Schema& Schema() {
  static const reference::Schema schema(LibraryPool());
  return schema;
}

const wire::Plan& Plan() {
  static const std::unique_ptr<const wire::Plan> plan =
      wire::Plan::Compile(Schema().catalog()).value();
  return *plan;
}

const event::Topic& Topic() { return Schema().topic("library-events"); }

// What `change` makes of `first`, and of that, and so on; from the start again now and then.
template <typename Change, typename Check>
void Walk(const std::string& first, int steps, const Change& change, const Check& check) {
  std::string input = first;
  for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
    input = i % 25 == 0 || input.size() > 8000 ? first : change(input, static_cast<unsigned>(i));
    check(input);
  }
}

void CheckDecode(const std::string& value) {
  const auto result = wire::Decode(Plan(), *Plan().FindByTopic(Topic().name), value);
  const auto expected = reference::ReferenceDecode(Schema(), Topic(), value);
  const auto* decoded = std::get_if<wire::Decoded>(&result);
  ASSERT_EQ(decoded != nullptr, expected.event != nullptr) << value;
  if (decoded == nullptr) return;
  const auto event = Schema().Parse(decoded->event);
  ASSERT_TRUE(event != nullptr) << value;
  ASSERT_EQ(reference::Describe(*event), reference::Describe(*expected.event)) << value;
  const auto id = [] { return std::string(); };
  const auto now = [] { return absl::UnixEpoch(); };
  const auto again = wire::EncodeEvent(Plan(), decoded->event,
                                       {wire::Rules::kRewrite, "event", 1'000'000, id, now});
  ASSERT_TRUE(again.ok()) << again.status() << value;
  ASSERT_TRUE(reference::ReferenceEqualsAsJson(Topic(), again->json, value)) << value << "\n"
                                                                             << again->json;
}

TEST(LibraryMutationsTest, DecodingAgreesAndLosesNothing) {
  const fuzz::JsonMutator mutator(
      {kLent, R"([-0,1e400,"5e3",12345678901234567890,0.10,"\ud800",null,true,[],{},""])"});
  Walk(
      kLent, 2000,
      [&mutator](const std::string& value, unsigned seed) { return mutator.Mutate(value, seed); },
      CheckDecode);
}

TEST(LibraryMutationsTest, EncodingAgrees) {
  const std::string event =
      reference::ReferenceDecode(Schema(), Topic(), kLent).event->SerializeAsString();
  const fuzz::ProtoMutator mutator({"", "a", "\xff", "\x01\x02", "\x80", R"({"tags":null})",
                                    R"({"shelf":null,"x":1.0})", R"({"x":1,"x":2})", "{",
                                    "0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c10"});
  Walk(
      event, 2000,
      [&mutator](const std::string& bytes, unsigned seed) { return mutator.Mutate(bytes, seed); },
      [](const std::string& bytes) {
        for (const auto rules : {wire::Rules::kPublish, wire::Rules::kRewrite}) {
          EXPECT_EQ(fuzz::EncodeDisagreement(Schema(), Plan(), bytes, rules), "");
        }
      });
}

}  // namespace
}  // namespace eventbus::testing
