#include "server/event/validate.h"

#include <string>

#include "gtest/gtest.h"

namespace eventbus::event {
namespace {

constexpr char kUuid[] = "0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c10";

TEST(IsUuidTest, TakesEitherCase) {
  EXPECT_TRUE(IsUuid(kUuid));
  EXPECT_TRUE(IsUuid("0B8F1C52-7D3E-4C1A-9A52-6F0E2D4B8C1F"));
  EXPECT_TRUE(IsUuid("0b8F1c52-7D3e-4c1A-9a52-6f0E2d4b8C10"));
}

TEST(IsUuidTest, AsksForNoVersionAndNoVariant) {
  EXPECT_TRUE(IsUuid("00000000-0000-0000-0000-000000000000"));
  EXPECT_TRUE(IsUuid("ffffffff-ffff-ffff-ffff-ffffffffffff"));
}

TEST(IsUuidTest, TakesNoOtherForm) {
  for (const char* text :
       {"", "0b8f1c527d3e4c1a9a526f0e2d4b8c10", "{0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c10}",
        "urn:uuid:0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c10", "0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c1",
        "0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c100", " 0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c1",
        "0b8f1c52-7d3e-4c1a-9a52-6f0e2d4b8c1g", "0b8f1c52_7d3e_4c1a_9a52_6f0e2d4b8c10",
        "0b8f1c5-27d3e-4c1a-9a52-6f0e2d4b8c10", "not-a-uuid"}) {
    EXPECT_FALSE(IsUuid(text)) << text;
  }
}

TEST(IsUuidTest, EveryPlaceCounts) {
  for (std::size_t i = 0; i < sizeof kUuid - 1; ++i) {
    for (const char wrong : {'g', 'G', ' ', '_', '\0', '\xc3', '/', ':', '@', '`'}) {
      std::string text = kUuid;
      text[i] = wrong;
      EXPECT_FALSE(IsUuid(text)) << i << " " << wrong;
    }
  }
}

}  // namespace
}  // namespace eventbus::event
