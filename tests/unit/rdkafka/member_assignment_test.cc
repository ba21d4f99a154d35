#include "server/rdkafka/member_assignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace eventbus::rdkafka {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Two topics, one with two partitions; as Java's consumer writes it, with null user data.
const std::string kAssignment(
    "\x00\x01"
    "\x00\x00\x00\x02"
    "\x00\x01"
    "a"
    "\x00\x00\x00\x02"
    "\x00\x00\x00\x00"
    "\x00\x00\x01\x02"
    "\x00\x02"
    "bc"
    "\x00\x00\x00\x01"
    "\x00\x00\x00\x07"
    "\xff\xff\xff\xff",
    37);

TEST(ParseMemberAssignmentTest, HasThePartitions) {
  EXPECT_THAT(ParseMemberAssignment(kAssignment),
              ElementsAre(kafka::TopicPartition{"a", 0}, kafka::TopicPartition{"a", 258},
                          kafka::TopicPartition{"bc", 7}));
}

TEST(ParseMemberAssignmentTest, NothingMayFollow) {
  EXPECT_EQ(ParseMemberAssignment(kAssignment.substr(0, 33)).size(), 3u);
  EXPECT_THAT(ParseMemberAssignment(std::string("\x00\x00\x00\x00\x00\x00", 6)), IsEmpty());
}

TEST(ParseMemberAssignmentTest, WhatIsCutOffHasNone) {
  for (std::size_t size = 0; size < 33; ++size) {
    EXPECT_THAT(ParseMemberAssignment(kAssignment.substr(0, size)), IsEmpty()) << size;
  }
}

TEST(ParseMemberAssignmentTest, OtherFormatsHaveNone) {
  EXPECT_THAT(ParseMemberAssignment("{\"json\":true}"), IsEmpty());
  EXPECT_THAT(ParseMemberAssignment(std::string(64, '\xff')), IsEmpty());
  EXPECT_THAT(ParseMemberAssignment(std::string("\x00\x00\x7f\xff\xff\xff", 6)), IsEmpty());
}

}  // namespace
}  // namespace eventbus::rdkafka
