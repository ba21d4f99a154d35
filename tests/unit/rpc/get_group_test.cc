#include "server/rpc/get_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/v1/event_bus_admin_service.pb.h"
#include "server/base/error.h"

namespace eventbus::rpc {
namespace {

SubscribeDefaults Defaults(const std::string& group = "") {
  SubscribeDefaults defaults;
  defaults.host = "host";
  defaults.group_id = group;
  return defaults;
}

std::string Asks(const std::string& group) {
  v1::GetGroupRequest request;
  request.set_group(group);
  return request.SerializeAsString();
}

v1::GetGroupResponse Response(const bus::GroupReport& report, absl::Time now = absl::Now()) {
  v1::GetGroupResponse response;
  EXPECT_TRUE(response.ParseFromString(GetGroupResponseBytes("g", report, Defaults(), now)));
  return response;
}

TEST(ParseGetGroupTest, AnEmptyGroupIsTheServersOwn) {
  EXPECT_EQ(ParseGetGroup(Asks("a"), Defaults("pod")).value(), "a");
  EXPECT_EQ(ParseGetGroup(Asks(""), Defaults("pod")).value(), "pod");
}

TEST(ParseGetGroupTest, WhatIsNoGroupsIdIsRefused) {
  for (const std::string& group : {std::string(), std::string("a group"), std::string(250, 'g')}) {
    const ErrorDetails details = GetErrorDetails(ParseGetGroup(Asks(group), Defaults()).status());
    EXPECT_EQ(details.reason, v1::ERROR_REASON_REQUEST_INVALID);
    ASSERT_EQ(details.violations.size(), 1u);
    EXPECT_EQ(details.violations[0].field, "group");
  }
  EXPECT_TRUE(ParseGetGroup(Asks(std::string(249, 'g')), Defaults()).ok());
}

TEST(ParseGetGroupTest, WhatIsNoRequestIsRefused) {
  EXPECT_EQ(GetErrorDetails(ParseGetGroup("\xff", Defaults()).status()).reason,
            v1::ERROR_REASON_REQUEST_INVALID);
  EXPECT_EQ(GetErrorDetails(ParseGetGroup("\x78\x01", Defaults()).status()).reason,
            v1::ERROR_REASON_UNKNOWN_FIELD);
}

TEST(GetGroupResponseTest, MembersStandByClientIdWithWhatTheyHave) {
  bus::GroupReport report;
  report.description = {
      "Stable",
      "range",
      {{"m2", "b", "/h", {{"t", 2}, {"s", 1}}}, {"m9", "a", "/h", {}}, {"m1", "b", "/h", {}}}};
  const v1::GetGroupResponse response = Response(report);
  EXPECT_EQ(response.group(), "g");
  EXPECT_EQ(response.state(), "Stable");
  EXPECT_EQ(response.assignor(), "range");
  ASSERT_EQ(response.members_size(), 3);
  EXPECT_EQ(response.members(0).client_id(), "a");
  EXPECT_EQ(response.members(1).member_id(), "m1");
  EXPECT_EQ(response.members(2).member_id(), "m2");
  EXPECT_EQ(response.members(2).host(), "/h");
  ASSERT_EQ(response.members(2).assigned_size(), 2);
  EXPECT_EQ(response.members(2).assigned(0).topic(), "s");
  EXPECT_EQ(response.members(2).assigned(1).partition(), 2);
}

TEST(GetGroupResponseTest, WhatIsNotKnownIsUnset) {
  bus::GroupReport report;
  report.partitions[{"t", 0}] = {3, 5, {}};
  report.partitions[{"t", 1}] = {absl::nullopt, 5, {}};
  report.partitions[{"t", 2}] = {3, absl::nullopt, {}};
  report.partitions[{"t", 3}] = {9, 5, {}};  // As after the topic was made anew.
  const v1::GetGroupResponse response = Response(report);
  ASSERT_EQ(response.partitions_size(), 4);
  EXPECT_EQ(response.partitions(0).committed_offset(), 3);
  EXPECT_EQ(response.partitions(0).end_offset(), 5);
  EXPECT_EQ(response.partitions(0).lag(), 2);
  EXPECT_FALSE(response.partitions(0).has_held());
  EXPECT_FALSE(response.partitions(1).has_committed_offset());
  EXPECT_FALSE(response.partitions(1).has_lag());
  EXPECT_FALSE(response.partitions(2).has_end_offset());
  EXPECT_FALSE(response.partitions(2).has_lag());
  EXPECT_EQ(response.partitions(3).lag(), 0);
}

bus::HeldStream Held(const bus::BlockingEvent& event, const std::string& client_id) {
  bus::HeldPartition partition;
  partition.partition = {"t", 0};
  partition.blocked = v1::BLOCKED_REASON_RETRY_BACKOFF;
  partition.blocking_event = event;
  partition.outstanding = 7;
  partition.careful_until = 0;
  return {"stream", client_id, {partition}};
}

TEST(GetGroupResponseTest, SaysWhatHoldsAPartitionBack) {
  const absl::Time now = absl::FromUnixSeconds(1000);
  const bus::BlockingEvent event{4, "id", "key", now - absl::Milliseconds(2500), 3};
  bus::GroupReport report;
  report.partitions[{"t", 0}].held = Held(event, "eventbus/host/worker");
  const v1::HeldPartition held = Response(report, now).partitions(0).held();
  EXPECT_EQ(held.stream_id(), "stream");
  EXPECT_EQ(held.client_id(), "worker");
  EXPECT_EQ(held.blocked(), v1::BLOCKED_REASON_RETRY_BACKOFF);
  EXPECT_EQ(held.blocking_event().offset(), 4);
  EXPECT_EQ(held.blocking_event().event_id(), "id");
  EXPECT_EQ(held.blocking_event().ordering_key(), "key");
  EXPECT_EQ(held.blocking_event().age().seconds(), 2);
  EXPECT_EQ(held.blocking_event().age().nanos(), 500'000'000);
  EXPECT_EQ(held.blocking_event().delivery_attempt(), 3);
  EXPECT_EQ(held.outstanding(), 7);
  ASSERT_TRUE(held.has_careful_until());
  EXPECT_EQ(held.careful_until(), 0);
}

TEST(GetGroupResponseTest, AKeyThatIsNotUtf8IsLeftOut) {
  for (const absl::optional<std::string>& key :
       {absl::optional<std::string>(), absl::optional<std::string>("\xff")}) {
    bus::BlockingEvent event;
    event.key = key;
    event.read_at = absl::FromUnixSeconds(2000);  // A clock that was set back.
    bus::GroupReport report;
    report.partitions[{"t", 0}].held = Held(event, "foreign");
    const v1::HeldPartition held =
        Response(report, absl::FromUnixSeconds(1000)).partitions(0).held();
    EXPECT_FALSE(held.blocking_event().has_ordering_key());
    EXPECT_EQ(held.blocking_event().age().seconds(), 0);
    EXPECT_EQ(held.client_id(), "foreign");
  }
}

TEST(GetGroupResponseTest, APartitionThatIsNotHeldBackHasNoBlockingEvent) {
  bus::GroupReport report;
  bus::HeldPartition partition;
  partition.partition = {"t", 0};
  report.partitions[{"t", 0}].held = {"stream", "c", {partition}};
  const v1::HeldPartition held = Response(report).partitions(0).held();
  EXPECT_EQ(held.blocked(), v1::BLOCKED_REASON_UNSPECIFIED);
  EXPECT_FALSE(held.has_blocking_event());
  EXPECT_FALSE(held.has_careful_until());
}

}  // namespace
}  // namespace eventbus::rpc
