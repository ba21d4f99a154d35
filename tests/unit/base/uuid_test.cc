#include "server/base/uuid.h"

#include <regex>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace eventbus {
namespace {

TEST(NewUuidTest, IsOfVersionFour) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid = NewUuid();
    EXPECT_TRUE(std::regex_match(uuid, form)) << uuid;
  }
}

TEST(NewUuidTest, IsNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) seen.insert(NewUuid());
  EXPECT_EQ(seen.size(), 10'000u);
}

}  // namespace
}  // namespace eventbus
