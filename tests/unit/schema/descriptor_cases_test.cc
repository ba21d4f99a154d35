// Cases made from the descriptors: at every message that an event can hold, all that protobuf's
// wire format allows and forbids. The encoder must say what the reference says after protobuf's own
// parser, by both sets of rules.
#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "server/base/error.h"
#include "server/wire/encode.h"
#include "server/wire/plan.h"
#include "tests/fuzz/encode_check.h"
#include "tests/reference/encode.h"
#include "tests/reference/fields.h"
#include "tests/reference/schema.h"
#include "tests/unit/schema/library_schema.h"
#include "tests/unit/schema/proto_bytes.h"

namespace eventbus::testing {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;

const reference::Schema& Schema() {
  static const reference::Schema schema(LibraryPool());
  return schema;
}

const wire::Plan& Plan() {
  static const std::unique_ptr<const wire::Plan> plan =
      wire::Plan::Compile(Schema().catalog()).value();
  return *plan;
}

std::vector<Place> Places() { return PlacesIn(*Schema().NewEvent()->GetDescriptor()); }

std::string NameOf(const Place& place) {
  std::string name = "event";
  for (const Field* field : place.path) absl::StrAppend(&name, ".", field->name());
  return name;
}

// Whether protobuf takes `event`.
bool ExpectAgreement(const std::string& event, const std::string& what) {
  for (const auto rules : {wire::Rules::kPublish, wire::Rules::kRewrite}) {
    const bool publish = rules == wire::Rules::kPublish;
    EXPECT_EQ(fuzz::EncodeDisagreement(Schema(), Plan(), event, rules), "")
        << (publish ? "publish " : "rewrite ") << what << ": " << absl::CHexEscape(event);
  }
  return Schema().Parse(event) != nullptr;
}

// ExpectAgreement, and that the case is what it is meant to be.
void ExpectTaken(const std::string& event, const std::string& what) {
  EXPECT_TRUE(ExpectAgreement(event, what)) << what << ": a case protobuf should take";
}

absl::Status EncodeStatus(const std::string& event) {
  const auto id = [] { return std::string(36, '0'); };
  const auto now = [] { return absl::UnixEpoch(); };
  return wire::EncodeEvent(Plan(), event, {wire::Rules::kRewrite, "event", 1'000'000, id, now})
      .status();
}

bool IsStringField(const Field& field) { return field.type() == Field::TYPE_STRING; }

TEST(DescriptorCasesTest, ThereAreMessagesToTry) {
  // Six families with payload and timestamp at least, and what is in Struct and Value.
  EXPECT_GT(Places().size(), 18u + 10u);
}

TEST(DescriptorCasesTest, ASampleOfEveryFamilyCanBePublished) {
  for (const Place& place : Places()) {
    if (place.path.size() != 1) continue;
    const std::string event = EventAround(place, Join(SampleFields(*place.message, 0)));
    ExpectTaken(event, NameOf(place));
    const auto parsed = Schema().Parse(event);
    EXPECT_EQ(reference::ReferenceEncode(Schema(), *parsed, {}).violations.size(), 0u);
  }
}

TEST(DescriptorCasesTest, FieldsInAnyOrder) {
  for (const Place& place : Places()) {
    std::vector<std::string> fields = SampleFields(*place.message, 0);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      std::rotate(fields.begin(), fields.begin() + 1, fields.end());
      ExpectTaken(EventAround(place, Join(fields)), NameOf(place));
    }
    std::reverse(fields.begin(), fields.end());
    ExpectTaken(EventAround(place, Join(fields)), NameOf(place));
  }
}

TEST(DescriptorCasesTest, TheLastOfARepeatedFieldWinsOrMerges) {
  for (const Place& place : Places()) {
    const std::string first = Join(SampleFields(*place.message, 1));
    const std::string last = Join(SampleFields(*place.message, 0));
    ExpectTaken(EventAround(place, first + last), NameOf(place));
    ExpectTaken(EventAround(place, last + first), NameOf(place));
    ExpectTaken(EventAround(place, last + first + last), NameOf(place));
  }
}

// The last part of the way to the message comes twice, each time with a half of its fields.
TEST(DescriptorCasesTest, SubMessagesMerge) {
  for (const Place& place : Places()) {
    const std::vector<std::string> fields = SampleFields(*place.message, 0);
    const auto middle = fields.begin() + static_cast<std::ptrdiff_t>(fields.size() / 2);
    Place around = place;
    around.path.pop_back();
    const int number = place.path.back()->number();
    const std::string halves = Delimited(number, Join({fields.begin(), middle})) +
                               Delimited(number, Join({middle, fields.end()}));
    ExpectTaken(EventAround(around, halves), NameOf(place));
    ExpectTaken(EventAround(around, halves + Delimited(number, "")), NameOf(place));
    ExpectTaken(EventAround(around, Delimited(number, "") + halves), NameOf(place));
  }
}

// Each occurrence of a sub-message must be whole, though together they would be.
TEST(DescriptorCasesTest, AnOccurrenceMendsNotTheOneBefore) {
  for (const Place& place : Places()) {
    const std::string sample = Join(SampleFields(*place.message, 0)).substr(0, 200);
    Place around = place;
    around.path.pop_back();
    const int number = place.path.back()->number();
    for (std::size_t length = 0; length <= sample.size(); ++length) {
      ExpectAgreement(EventAround(around, Delimited(number, sample.substr(0, length)) +
                                              Delimited(number, sample.substr(length))),
                      absl::StrCat(NameOf(place), " in two at ", length));
    }
  }
}

TEST(DescriptorCasesTest, TheLastFamilyWins) {
  std::vector<std::string> events;
  for (const Place& place : Places()) {
    if (place.path.size() != 1) continue;
    events.push_back(EventAround(place, Join(SampleFields(*place.message, 0))));
  }
  for (const std::string& first : events) {
    for (const std::string& last : events) {
      ExpectTaken(first + last, "two families");
      ExpectTaken(first + last + first, "three families");
    }
  }
  ExpectTaken("", "no family");
}

TEST(DescriptorCasesTest, NumbersMayBeOverlong) {
  for (const Place& place : Places()) {
    const auto overlong = SampleFields(*place.message, 0, Spelling::kOverlong);
    ExpectTaken(EventAround(place, Join(overlong)), NameOf(place));
  }
}

TEST(DescriptorCasesTest, VarintsAreCutToTheirType) {
  for (const Place& place : Places()) {
    for (int i = 0; i < place.message->field_count(); ++i) {
      const Field& field = *place.message->field(i);
      if (field.type() == Field::TYPE_STRING || field.type() == Field::TYPE_MESSAGE ||
          field.type() == Field::TYPE_DOUBLE) {
        continue;
      }
      const std::string rest = Join(SampleFields(*place.message, 0));
      for (const std::uint64_t value :
           {0ull, 1ull, 2ull, 77ull, 0x80000000ull, 0x100000000ull, 0x100000001ull,
            0x7fffffffffffffffull, 0x8000000000000000ull, 0xffffffffffffffffull}) {
        const std::string bytes = Tag(field.number(), 0) + Varint(value);
        ExpectTaken(EventAround(place, rest + bytes),
                    absl::StrCat(NameOf(place), ".", field.name()));
      }
      // An eleventh byte, and a tenth with bits that no 64-bit number has.
      const std::string nine(9, '\xff');
      ExpectAgreement(EventAround(place, Tag(field.number(), 0) + nine + "\x81\x01"), "11 bytes");
      ExpectAgreement(EventAround(place, Tag(field.number(), 0) + nine + "\x7f"), "tenth byte");
    }
  }
}

TEST(DescriptorCasesTest, RepeatedScalarsPackedOrNot) {
  int tried = 0;
  for (const Place& place : Places()) {
    for (int i = 0; i < place.message->field_count(); ++i) {
      const Field& field = *place.message->field(i);
      if (!field.is_packable()) continue;
      ++tried;
      const std::string one = FieldBytes(field, 0);
      const std::string two = FieldBytes(field, 1);
      const std::size_t tag = Tag(field.number(), 0).size();
      const std::string packed =
          Delimited(field.number(), one.substr(tag) + two.substr(tag) + one.substr(tag));
      for (const std::string& bytes : {one + two, packed, one + packed + two, packed + packed,
                                       Delimited(field.number(), "")}) {
        ExpectTaken(EventAround(place, bytes), absl::StrCat(NameOf(place), ".", field.name()));
      }
      // A number that is cut off inside the packed ones.
      ExpectAgreement(EventAround(place, Delimited(field.number(), one.substr(tag) + "\x80")), "");
    }
  }
  EXPECT_GE(tried, 4);
}

TEST(DescriptorCasesTest, AnUnknownFieldIsRefusedAtEveryMessage) {
  const std::vector<std::string> unknown = {
      Tag(1000, 0) + Varint(1), Tag(1000, 1) + std::string(8, 'x'), Delimited(1000, "x"),
      Tag(1000, 5) + std::string(4, 'x'), Tag(1000, 3) + Tag(1, 0) + Varint(1) + Tag(1000, 4)};
  for (const Place& place : Places()) {
    const std::string sample = Join(SampleFields(*place.message, 0));
    // Protobuf forgets it: it keeps no entry of a map.
    const bool forgotten = place.message->options().map_entry();
    for (const std::string& field : unknown) {
      for (const std::string& bytes : {field + sample, sample + field}) {
        const std::string event = EventAround(place, bytes);
        ExpectTaken(event, NameOf(place));
        if (forgotten) continue;
        const auto details = GetErrorDetails(EncodeStatus(event));
        EXPECT_EQ(details.reason, v1::ERROR_REASON_UNKNOWN_FIELD) << NameOf(place);
      }
    }
  }
  ExpectTaken(Tag(1000, 0) + Varint(1), "in Event");
}

TEST(DescriptorCasesTest, AFieldOfAnotherWireTypeIsUnknown) {
  for (const Place& place : Places()) {
    for (int i = 0; i < place.message->field_count(); ++i) {
      const int number = place.message->field(i)->number();
      for (const std::string& bytes :
           {Tag(number, 0) + Varint(1), Tag(number, 1) + std::string(8, '\0'),
            Delimited(number, ""), Delimited(number, "\x08\x01"),
            Tag(number, 5) + std::string(4, '\0'), Tag(number, 3) + Tag(number, 4)}) {
        ExpectAgreement(EventAround(place, bytes),
                        absl::StrCat(NameOf(place), ".", place.message->field(i)->name()));
      }
    }
  }
}

TEST(DescriptorCasesTest, BadUtf8IsRefusedInEveryString) {
  for (const Place& place : Places()) {
    for (int i = 0; i < place.message->field_count(); ++i) {
      const Field& field = *place.message->field(i);
      if (!IsStringField(field)) continue;
      const std::string good = FieldBytes(field, 0);
      for (const std::string text :
           {"\xff", "a\x80", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x98"}) {
        const std::string bad = Delimited(field.number(), text);
        const std::string event = EventAround(place, bad);
        EXPECT_FALSE(ExpectAgreement(event, absl::StrCat(NameOf(place), ".", field.name())));
        EXPECT_EQ(GetErrorDetails(EncodeStatus(event)).reason, v1::ERROR_REASON_EVENT_INVALID);
        // Hidden by a good one: protobuf's parser has refused it all the same.
        EXPECT_FALSE(ExpectAgreement(EventAround(place, bad + good), "hidden"));
      }
    }
  }
}

TEST(DescriptorCasesTest, TruncationIsRefusedAtEveryByte) {
  for (const Place& place : Places()) {
    const std::string sample = Join(SampleFields(*place.message, 0));
    for (std::size_t length = 0; length < sample.size(); ++length) {
      ExpectAgreement(EventAround(place, sample.substr(0, length)),
                      absl::StrCat(NameOf(place), " cut inside at ", length));
    }
    const std::string event = EventAround(place, sample);
    for (std::size_t length = 0; length < event.size(); ++length) {
      ExpectAgreement(event.substr(0, length), absl::StrCat(NameOf(place), " cut at ", length));
    }
  }
}

TEST(DescriptorCasesTest, BrokenTagsAndLengthsAreRefused) {
  const std::vector<std::string> broken = {Tag(0, 0) + Varint(1),
                                           Tag(1, 6),
                                           Tag(1, 7),
                                           Tag(1, 4),
                                           Tag(1000, 3),
                                           "\x80",
                                           "\xff\xff\xff\xff\xff\x0f",
                                           Tag(1, 2) + Varint(0xffffffff),
                                           Tag(1, 2) + Varint(0x7fffffff),
                                           Tag(1, 2) + Varint(0xffffffffffffffff),
                                           Tag(1000, 3) + Tag(1001, 4)};
  for (const Place& place : Places()) {
    const std::string sample = Join(SampleFields(*place.message, 0));
    for (const std::string& bytes : broken) {
      EXPECT_FALSE(ExpectAgreement(EventAround(place, sample + bytes), NameOf(place)))
          << absl::CHexEscape(bytes);
    }
  }
}

TEST(DescriptorCasesTest, DoublesThatJsonHasNot) {
  const double values[] = {std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN(),
                           0.0,
                           -0.0,
                           5e-324,
                           1e300};
  for (const Place& place : Places()) {
    for (int i = 0; i < place.message->field_count(); ++i) {
      const Field& field = *place.message->field(i);
      if (field.type() != Field::TYPE_DOUBLE) continue;
      for (const double value : values) {
        std::string bytes(8, '\0');
        std::memcpy(bytes.data(), &value, 8);
        ExpectTaken(EventAround(place, Tag(field.number(), 1) + bytes),
                    absl::StrCat(NameOf(place), ".", field.name(), " ", value));
      }
    }
  }
}

TEST(DescriptorCasesTest, TextsOfExtraJson) {
  const std::vector<std::string> texts = {"",
                                          " ",
                                          "{}",
                                          " { } ",
                                          "[]",
                                          "null",
                                          "5",
                                          "{",
                                          R"({"x":1)",
                                          R"({"x":1}})",
                                          R"({"x":nul})",
                                          R"({"x":1,"x":2})",
                                          R"({"x":1,"\u0078":2})",
                                          R"({"\ud800":1,"\uD800":2})",
                                          R"({"":{"":1e400}})",
                                          R"({"event_id":null})",
                                          R"({"event_type":null})",
                                          R"({"timestamp":null})",
                                          R"({"payload":null})",
                                          R"({"payload":{}})",
                                          R"({"\u0070ayload":null})",
                                          R"({"extra_json":null})",
                                          R"({"score":null})",
                                          R"({"user_id":null})",
                                          R"({"violations":null,"metadata":null})",
                                          R"({"shelf":null,"a":1})"};
  for (const Place& place : Places()) {
    const Field* field = place.message->FindFieldByName(reference::kExtraJson);
    if (field == nullptr) continue;
    for (const std::string& text : texts) {
      // Alone, and over a sample whose fields are set.
      const std::string bytes = Delimited(field->number(), text);
      ExpectTaken(EventAround(place, bytes), absl::StrCat(NameOf(place), " ", text));
      ExpectTaken(EventAround(place, Join(SampleFields(*place.message, 0)) + bytes),
                  absl::StrCat(NameOf(place), " over a sample ", text));
    }
    for (std::size_t depth = 60; depth < 67; ++depth) {
      const std::string deep = "{\"x\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
      ExpectTaken(EventAround(place, Delimited(field->number(), deep)),
                  absl::StrCat(NameOf(place), " depth ", depth));
    }
  }
}

}  // namespace
}  // namespace eventbus::testing
