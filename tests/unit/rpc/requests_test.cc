#include "server/rpc/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/error.h"
#include "tests/fakes/schema.h"

namespace eventbus::rpc {
namespace {

using testing::HasSubstr;

v1::SubscribeRequest Tail() {
  v1::SubscribeRequest request;
  request.mutable_tail();
  return request;
}

absl::StatusOr<SubscribeOptions> ParseBytes(const std::string& bytes,
                                            SubscribeDefaults defaults = {}) {
  defaults.host = "host";
  return ParseSubscribe(bytes, fakes::Schema::Get().catalog, defaults);
}

absl::StatusOr<bus::TailOptions> Parse(const v1::SubscribeRequest& request) {
  auto options = ParseBytes(request.SerializeAsString());
  if (!options.ok()) return options.status();
  return std::get<bus::TailOptions>(*std::move(options));
}

v1::SubscribeRequest Group() {
  v1::SubscribeRequest request;
  request.mutable_group()->set_id("document-processor");
  request.mutable_group()->set_ack_mode(v1::ACK_MODE_AUTO);
  return request;
}

absl::StatusOr<bus::GroupOptions> ParseGroup(const v1::SubscribeRequest& request,
                                             SubscribeDefaults defaults = {}) {
  auto options = ParseBytes(request.SerializeAsString(), std::move(defaults));
  if (!options.ok()) return options.status();
  return std::get<bus::GroupOptions>(*std::move(options));
}

TEST(ParseSubscribeTest, DefaultsAreAsDocumented) {
  const auto options = Parse(Tail());
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_TRUE(options->source.topics.empty());
  EXPECT_TRUE(std::holds_alternative<bus::Latest>(options->source.start));
  EXPECT_EQ(options->source.client_id, "eventbus/host/");
  EXPECT_EQ(options->reader.batch.max_events, 256);
  EXPECT_EQ(options->heartbeat_interval, absl::Seconds(15));
  EXPECT_EQ(options->reader.max_events, 0);
  EXPECT_FALSE(options->reader.stop_at_end);
  EXPECT_FALSE(options->reader.include_json);
}

TEST(ParseSubscribeTest, EverythingIsTakenOver) {
  v1::SubscribeRequest request = Tail();
  request.add_topics("tutor-queries");
  request.add_topics("tutor-queries");
  request.add_event_types("query.*");
  request.set_client_id("dashboard-7");
  request.set_max_batch_events(1000);
  request.mutable_heartbeat_interval()->set_seconds(300);
  request.set_include_json(true);
  request.set_max_events(std::int64_t{1} << 53);
  request.set_stop_at_end(true);
  auto& position = *request.mutable_tail()->mutable_start()->mutable_offsets()->add_positions();
  position.set_topic("tutor-queries");
  position.set_partition(2);
  position.set_offset(5);
  const auto options = Parse(request);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(options->source.topics, testing::ElementsAre("tutor-queries"));
  EXPECT_EQ(options->source.client_id, "eventbus/host/dashboard-7");
  EXPECT_EQ(options->reader.batch.max_events, 1000);
  EXPECT_EQ(options->heartbeat_interval, absl::Minutes(5));
  EXPECT_TRUE(options->reader.filter.Passes("query.future"));
  EXPECT_FALSE(options->reader.filter.Passes("page.view"));
  const auto& start = std::get<bus::AtOffsets>(options->source.start);
  EXPECT_EQ(start.positions[0].partition, (kafka::TopicPartition{"tutor-queries", 2}));
  EXPECT_EQ(start.positions[0].offset, 5);
}

TEST(ParseSubscribeTest, ARequestWithoutAReaderIsRefused) {
  const auto options = Parse(v1::SubscribeRequest());
  EXPECT_EQ(GetErrorDetails(options.status()).reason, v1::ERROR_REASON_REQUEST_INVALID);
  EXPECT_EQ(options.status().message(), "reader: not set, group or tail is required");
}

TEST(ParseSubscribeTest, WhatIsNotProtobufIsRefused) {
  const auto options = ParseBytes("\xff");
  EXPECT_EQ(GetErrorDetails(options.status()).reason, v1::ERROR_REASON_REQUEST_INVALID);
}

TEST(ParseSubscribeTest, AnUnknownFieldIsRefusedAtEveryDepth) {
  v1::SubscribeRequest request = Tail();
  auto& position = *request.mutable_tail()->mutable_start()->mutable_offsets()->add_positions();
  position.GetReflection()->MutableUnknownFields(&position)->AddVarint(99, 1);
  const auto options = Parse(request);
  const ErrorDetails details = GetErrorDetails(options.status());
  EXPECT_EQ(details.reason, v1::ERROR_REASON_UNKNOWN_FIELD);
  EXPECT_EQ(details.violations.at(0).field, "tail.start.offsets.positions[0]");
  EXPECT_EQ(details.violations.at(0).description, "field 99 is not known to this server");
}

TEST(ParseGroupTest, DefaultsAreTheServers) {
  SubscribeDefaults defaults;
  defaults.group_id = "pod";
  defaults.group_start = bus::Latest{};
  defaults.commit_interval = absl::Seconds(3);
  defaults.max_span = 5000;
  v1::SubscribeRequest request = Group();
  request.mutable_group()->clear_id();
  const auto options = ParseGroup(request, defaults);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->source.group_id, "pod");
  EXPECT_TRUE(std::holds_alternative<bus::Latest>(options->source.initial_position));
  EXPECT_EQ(options->member.commit_interval, absl::Seconds(3));
  EXPECT_EQ(options->settling.max_span, 5000);
  EXPECT_EQ(options->reader.delivery_attempt, 1);
  EXPECT_EQ(options->member.gap_policy, bus::GapPolicy::kEarliest);
  EXPECT_EQ(options->source.client_id, "eventbus/host/");
  EXPECT_EQ(options->heartbeat_interval, absl::Seconds(15));
}

TEST(ParseGroupTest, EverythingIsTakenOver) {
  v1::SubscribeRequest request = Group();
  request.add_topics("tutor-queries");
  request.add_event_types("query.*");
  request.set_client_id("worker-1");
  request.set_max_events(7);
  request.mutable_group()->set_gap_policy(v1::GAP_POLICY_LATEST);
  request.mutable_group()->mutable_initial_position()->mutable_time()->set_seconds(5);
  const auto options = ParseGroup(request);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->source.group_id, "document-processor");
  EXPECT_THAT(options->source.topics, testing::ElementsAre("tutor-queries"));
  EXPECT_EQ(options->reader.filter.Describe(), "query.*");
  EXPECT_EQ(options->reader.max_events, 7);
  EXPECT_EQ(options->source.client_id, "eventbus/host/worker-1");
  EXPECT_EQ(options->member.gap_policy, bus::GapPolicy::kLatest);
  EXPECT_EQ(std::get<bus::AtTime>(options->source.initial_position).time, absl::FromUnixSeconds(5));
}

TEST(ParseGroupTest, PartitionsThatOffsetsDoNotListStartAtTheServersDefault) {
  for (const bool earliest : {true, false}) {
    SubscribeDefaults defaults;
    if (!earliest) defaults.group_start = bus::Latest{};
    v1::SubscribeRequest request = Group();
    request.mutable_group()->mutable_initial_position()->mutable_offsets();
    const auto options = ParseGroup(request, defaults);
    ASSERT_TRUE(options.ok()) << options.status();
    EXPECT_EQ(std::get<bus::AtOffsets>(options->source.initial_position).others_earliest, earliest);
  }
}

// The lossy mode must never be what one gets by saying nothing.
TEST(ParseGroupTest, ExplicitIsTheDefault) {
  v1::SubscribeRequest request = Group();
  for (const auto mode : {v1::ACK_MODE_UNSPECIFIED, v1::ACK_MODE_EXPLICIT}) {
    request.mutable_group()->set_ack_mode(mode);
    const auto options = ParseGroup(request);
    ASSERT_TRUE(options.ok()) << options.status();
    EXPECT_EQ(options->ack_mode, bus::AckMode::kExplicit);
    EXPECT_EQ(options->settling.max_events, 1000);
    EXPECT_EQ(options->settling.max_bytes, 16 << 20);
    EXPECT_EQ(options->ack_timeout, absl::Minutes(30));
  }
  EXPECT_EQ(ParseGroup(Group())->ack_mode, bus::AckMode::kAuto);
}

TEST(ParseGroupTest, TheBoundsOfSettlingAreTakenOver) {
  v1::SubscribeRequest request = Group();
  request.mutable_group()->clear_ack_mode();
  request.mutable_group()->set_max_outstanding_events(10'000);
  request.mutable_group()->set_max_outstanding_bytes(64 << 10);
  request.mutable_group()->mutable_ack_timeout()->set_seconds(10);
  const auto options = ParseGroup(request);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->settling.max_events, 10'000);
  EXPECT_EQ(options->settling.max_bytes, 64 << 10);
  EXPECT_EQ(options->ack_timeout, absl::Seconds(10));
}

TEST(ParseGroupTest, BoundsOfSettlingThatAreOutOfTheirsAreRefused) {
  v1::SubscribeRequest request = Group();
  request.mutable_group()->set_ack_mode(static_cast<v1::AckMode>(9));
  EXPECT_EQ(GetErrorDetails(ParseGroup(request).status()).violations.at(0).field, "group.ack_mode");
  request.mutable_group()->clear_ack_mode();
  request.mutable_group()->set_max_outstanding_events(10'001);
  request.mutable_group()->set_max_outstanding_bytes(1);
  request.mutable_group()->mutable_ack_timeout()->set_seconds(9);
  EXPECT_EQ(GetErrorDetails(ParseGroup(request).status()).violations.size(), 3u);
  request.mutable_group()->set_max_outstanding_events(-1);
  request.mutable_group()->set_max_outstanding_bytes(-1);
  request.mutable_group()->mutable_ack_timeout()->set_seconds(24 * 3600 + 1);
  EXPECT_EQ(GetErrorDetails(ParseGroup(request).status()).violations.size(), 3u);
}

TEST(ParseGroupTest, BoundsOfSettlingAreRefusedUnderAuto) {
  v1::SubscribeRequest request = Group();
  request.mutable_group()->set_max_outstanding_events(5);
  request.mutable_group()->set_max_outstanding_bytes(1 << 20);
  request.mutable_group()->mutable_ack_timeout()->set_seconds(60);
  const ErrorDetails details = GetErrorDetails(ParseGroup(request).status());
  ASSERT_EQ(details.violations.size(), 3u);
  EXPECT_THAT(details.violations[0].description, HasSubstr("ACK_MODE_EXPLICIT only"));
}

TEST(ParseGroupTest, AnEmptyGroupWithoutADefaultIsRefused) {
  v1::SubscribeRequest request = Group();
  request.mutable_group()->clear_id();
  EXPECT_THAT(std::string(ParseGroup(request).status().message()), HasSubstr("KAFKA_GROUP_ID"));
}

TEST(ParseGroupTest, WhatIsOutOfItsBoundsIsRefusedWithThem) {
  v1::SubscribeRequest request = Group();
  request.mutable_group()->set_id("a group");
  request.mutable_group()->set_gap_policy(static_cast<v1::GapPolicy>(9));
  request.mutable_group()->mutable_initial_position()->mutable_time()->set_nanos(-1);
  const ErrorDetails details = GetErrorDetails(ParseGroup(request).status());
  EXPECT_EQ(details.reason, v1::ERROR_REASON_REQUEST_INVALID);
  ASSERT_EQ(details.violations.size(), 3u);
  EXPECT_EQ(details.violations[0].field, "group.id");
  EXPECT_EQ(details.violations[1].field, "group.initial_position.time");
  EXPECT_EQ(details.violations[2].field, "group.gap_policy");
  request = Group();
  request.mutable_group()->set_id(std::string(250, 'g'));
  EXPECT_THAT(std::string(ParseGroup(request).status().message()),
              HasSubstr("group.id: 250 bytes, 1 to 249"));
}

struct Refusal {
  const char* name;
  std::function<void(v1::SubscribeRequest&)> change;
  const char* message;
};

v1::Position& AddPosition(v1::SubscribeRequest& request, const char* topic, int partition,
                          std::int64_t offset) {
  auto& position = *request.mutable_tail()->mutable_start()->mutable_offsets()->add_positions();
  position.set_topic(topic);
  position.set_partition(partition);
  position.set_offset(offset);
  return position;
}

class RefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusalTest, NamesTheFieldAndWhatIsAllowed) {
  v1::SubscribeRequest request = Tail();
  GetParam().change(request);
  const auto options = Parse(request);
  EXPECT_EQ(GetErrorDetails(options.status()).reason, v1::ERROR_REASON_REQUEST_INVALID);
  EXPECT_THAT(std::string(options.status().message()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Bounds, RefusalTest,
    testing::Values(
        Refusal{"Topic", [](auto& r) { r.add_topics("nope"); },
                "topics[0]: \"nope\", allowed are document-events, meeting-events, tutor-queries, "
                "assessment-events, analytics-events"},
        Refusal{"Topics",
                [](auto& r) {
                  for (int i = 0; i < 65; ++i) r.add_topics("document-events");
                },
                "topics: 65 topics, at most 64"},
        Refusal{"Types",
                [](auto& r) {
                  for (int i = 0; i < 257; ++i) r.add_event_types("document.*");
                },
                "event_types: 257 types, at most 256"},
        Refusal{"Type", [](auto& r) { r.add_event_types("x"); }, "event_types[0]: \"x\", a type"},
        Refusal{"ClientIdLength", [](auto& r) { r.set_client_id(std::string(129, 'a')); },
                "client_id: 129 bytes, at most 128 of [A-Za-z0-9._-] are allowed"},
        Refusal{"ClientIdCharacter", [](auto& r) { r.set_client_id("a b"); }, "client_id: 3 bytes"},
        Refusal{"BatchLow", [](auto& r) { r.set_max_batch_events(-1); },
                "max_batch_events: -1, 1 to 1000 are allowed"},
        Refusal{"BatchHigh", [](auto& r) { r.set_max_batch_events(1001); },
                "max_batch_events: 1001, 1 to 1000 are allowed"},
        Refusal{"HeartbeatLow",
                [](auto& r) { r.mutable_heartbeat_interval()->set_nanos(999'999'999); },
                "heartbeat_interval: 999.999999ms, 1s to 5m are allowed"},
        Refusal{"HeartbeatHigh", [](auto& r) { r.mutable_heartbeat_interval()->set_seconds(301); },
                "heartbeat_interval: 5m1s, 1s to 5m are allowed"},
        Refusal{"MaxEventsLow", [](auto& r) { r.set_max_events(-1); },
                "max_events: -1, 1 to 9007199254740992 are allowed"},
        Refusal{"MaxEventsHigh", [](auto& r) { r.set_max_events((std::int64_t{1} << 53) + 1); },
                "max_events: 9007199254740993, 1 to 9007199254740992 are allowed"},
        Refusal{"Token",
                [](auto& r) { r.mutable_tail()->mutable_start()->set_resume_token("hello"); },
                "tail.start.resume_token: damaged, or not from this service"},
        Refusal{"Time",
                [](auto& r) {
                  r.mutable_tail()->mutable_start()->mutable_time()->set_seconds(253'402'300'800);
                },
                "tail.start.time: 253402300800 s and 0 ns, years 0001 to 9999"},
        Refusal{
            "PositionTopic", [](auto& r) { AddPosition(r, "nope", 0, 0); },
            "tail.start.offsets.positions[0].topic: \"nope\", a topic that is read is required"},
        Refusal{"PositionOfATopicNotRead",
                [](auto& r) {
                  r.add_topics("tutor-queries");
                  AddPosition(r, "document-events", 0, 0);
                },
                "positions[0].topic: \"document-events\", a topic that is read is required"},
        Refusal{"PositionPartition", [](auto& r) { AddPosition(r, "tutor-queries", -1, 0); },
                "positions[0].partition: -1, at least 0 is allowed"},
        Refusal{"PositionOffset", [](auto& r) { AddPosition(r, "tutor-queries", 0, -1); },
                "positions[0].offset: -1, at least 0 is allowed"},
        Refusal{"PositionTwice",
                [](auto& r) {
                  AddPosition(r, "tutor-queries", 0, 1);
                  AddPosition(r, "tutor-queries", 0, 2);
                },
                "positions[1]: the partition is listed twice"}),
    [](const auto& param) { return param.param.name; });

TEST(ReadSubscribeTest, ThePathStandsBeforeWhatIsWrong) {
  v1::SubscribeRequest request;
  request.mutable_group()->set_id("a group");
  request.mutable_group()->set_max_outstanding_events(-1);
  const auto options =
      ReadSubscribe(request, fakes::Schema::Get().catalog, SubscribeDefaults(), "subscribe.");
  const ErrorDetails details = GetErrorDetails(options.status());
  ASSERT_EQ(details.violations.size(), 2u);
  EXPECT_EQ(details.violations[0].field, "subscribe.group.id");
  EXPECT_EQ(details.violations[1].field, "subscribe.group.max_outstanding_events");
}

TEST(ParseSubscribeTest, EveryViolationIsListed) {
  v1::SubscribeRequest request;
  request.set_client_id("a b");
  request.set_max_events(-1);
  EXPECT_EQ(GetErrorDetails(Parse(request).status()).violations.size(), 3u);
}

}  // namespace
}  // namespace eventbus::rpc
