#include "server/wire/field_path.h"

#include <string>

#include "gtest/gtest.h"

namespace eventbus::wire {
namespace {

TEST(FieldPathTest, NamesFieldsAndElementsFromTheOutside) {
  const FieldPath base("requests[3].event");
  const FieldPath payload(base, "payload");
  const FieldPath violations(payload, "violations");
  EXPECT_EQ(FieldPath(violations, 2).ToString(), "requests[3].event.payload.violations[2]");
}

TEST(FieldPathTest, CutsLongNamesButNotItsBase) {
  const std::string text(100, 'b');
  const FieldPath base(text);
  const std::string name(100, 'x');
  EXPECT_EQ(FieldPath(base, name).ToString().size(), 100u + 1 + 64 + 3);
}

TEST(ShortenedTest, KeepsShortText) { EXPECT_EQ(Shortened("Zoë ☃"), "Zoë ☃"); }

TEST(ShortenedTest, CutsAtTheEndOfACharacter) {
  EXPECT_EQ(Shortened(std::string(64, 'x')), std::string(64, 'x'));
  EXPECT_EQ(Shortened(std::string(65, 'x')), std::string(64, 'x') + "...");
  EXPECT_EQ(Shortened(std::string(62, 'x') + "☃"), std::string(62, 'x') + "...");
  EXPECT_EQ(Shortened(std::string(61, 'x') + "☃y"), std::string(61, 'x') + "☃...");
}

TEST(ShortenedTest, HasNeitherControlCharactersNorBrokenUtf8) {
  EXPECT_EQ(Shortened("a\nb\x7f"), "a?b?");
  EXPECT_EQ(Shortened("a\xff"
                      "b"),
            "a?b");
}

}  // namespace
}  // namespace eventbus::wire
