#include "server/bus/group_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/error.h"

namespace eventbus::bus {
namespace {

TEST(GroupRegistryTest, StreamsOfAGroupHaveOneFilter) {
  GroupRegistry groups;
  EXPECT_TRUE(groups.Enter("g", "all").ok());
  EXPECT_TRUE(groups.Enter("g", "all").ok());
  const absl::Status status = groups.Enter("g", "document.*");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(GetErrorDetails(status).reason, v1::ERROR_REASON_GROUP_FILTER_MISMATCH);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("document.*"));
}

TEST(GroupRegistryTest, OtherGroupsDoNotCount) {
  GroupRegistry groups;
  EXPECT_TRUE(groups.Enter("g", "all").ok());
  EXPECT_TRUE(groups.Enter("h", "document.*").ok());
}

TEST(GroupRegistryTest, TheFilterIsFreeOnceTheLastStreamHasLeft) {
  GroupRegistry groups;
  EXPECT_TRUE(groups.Enter("g", "all").ok());
  EXPECT_TRUE(groups.Enter("g", "all").ok());
  groups.Leave("g");
  EXPECT_FALSE(groups.Enter("g", "document.*").ok());
  groups.Leave("g");
  EXPECT_TRUE(groups.Enter("g", "document.*").ok());
}

}  // namespace
}  // namespace eventbus::bus
