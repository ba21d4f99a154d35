#include "server/bus/places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PlacesTest : public testing::Test {
 protected:
  std::unique_ptr<Places::Place> Ask(int name) {
    return places_.Ask([this, name] { told_.push_back(name); });
  }

  Places places_{1};
  std::vector<int> told_;
};

TEST_F(PlacesTest, AFreeOneIsHadAtOnce) {
  const auto place = Ask(1);
  EXPECT_TRUE(place->granted());
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(PlacesTest, WhoFindsNoneFreeWaitsInOrder) {
  auto first = Ask(1);
  auto second = Ask(2);
  auto third = Ask(3);
  EXPECT_FALSE(second->granted());
  first.reset();
  EXPECT_TRUE(second->granted());
  EXPECT_FALSE(third->granted());
  second.reset();
  EXPECT_TRUE(third->granted());
  EXPECT_THAT(told_, ElementsAre(2, 3));
}

TEST_F(PlacesTest, WhoLeavesWhileWaitingIsPassedOver) {
  auto first = Ask(1);
  auto second = Ask(2);
  const auto third = Ask(3);
  second.reset();
  first.reset();
  EXPECT_TRUE(third->granted());
  EXPECT_THAT(told_, ElementsAre(3));
}

TEST_F(PlacesTest, APlaceGivenBackIsFreeAgain) {
  Ask(1).reset();
  EXPECT_TRUE(Ask(2)->granted());
}

}  // namespace
}  // namespace eventbus::bus
