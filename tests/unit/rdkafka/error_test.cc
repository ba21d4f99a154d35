#include "server/rdkafka/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/error.h"

namespace eventbus::rdkafka {
namespace {

using ::testing::HasSubstr;

constexpr auto kNotPersisted = RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
constexpr auto kPossiblyPersisted = RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED;
constexpr auto kPersisted = RD_KAFKA_MSG_STATUS_PERSISTED;

ErrorReason ReasonOf(const absl::Status& status) { return GetErrorDetails(status).reason; }

ErrorReason DeliveryReason(rd_kafka_resp_err_t error, rd_kafka_msg_status_t status) {
  return ReasonOf(DeliveryError(error, status, "events", ""));
}

TEST(DeliveryErrorTest, OkOnlyWithoutErrorAndPersisted) {
  EXPECT_TRUE(DeliveryError(RD_KAFKA_RESP_ERR_NO_ERROR, kPersisted, "events", "").ok());
  EXPECT_EQ(DeliveryReason(RD_KAFKA_RESP_ERR_NO_ERROR, kNotPersisted),
            v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN);
  EXPECT_EQ(DeliveryReason(RD_KAFKA_RESP_ERR_NO_ERROR, kPossiblyPersisted),
            v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN);
}

TEST(DeliveryErrorTest, WhatMayBeWrittenIsOfUnknownOutcomeWhateverTheError) {
  for (const auto error :
       {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_UNKNOWN}) {
    EXPECT_EQ(DeliveryReason(error, kPossiblyPersisted), v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN)
        << rd_kafka_err2name(error);
  }
}

TEST(DeliveryErrorTest, WhatIsNotWrittenForWantOfBrokersMayBeSentAgain) {
  for (const auto error :
       {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR__PURGE_QUEUE,
        RD_KAFKA_RESP_ERR__FATAL, RD_KAFKA_RESP_ERR__AUTHENTICATION}) {
    const absl::Status status = DeliveryError(error, kNotPersisted, "events", "");
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_KAFKA_UNAVAILABLE) << rd_kafka_err2name(error);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(GetErrorDetails(status).retry_delay, absl::Seconds(1));
  }
}

TEST(DeliveryErrorTest, RefusalsHaveTheirReasons) {
  EXPECT_EQ(DeliveryReason(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, kNotPersisted),
            v1::ERROR_REASON_TOPIC_NOT_FOUND);
  EXPECT_EQ(DeliveryReason(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, kNotPersisted),
            v1::ERROR_REASON_TOPIC_NOT_FOUND);
  EXPECT_EQ(DeliveryReason(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, kNotPersisted),
            v1::ERROR_REASON_TOPIC_NOT_FOUND);
  EXPECT_EQ(DeliveryReason(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, kNotPersisted),
            v1::ERROR_REASON_PUBLISH_DENIED);
  EXPECT_EQ(DeliveryReason(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, kNotPersisted),
            v1::ERROR_REASON_EVENT_TOO_LARGE);
  EXPECT_EQ(DeliveryReason(RD_KAFKA_RESP_ERR_POLICY_VIOLATION, kNotPersisted),
            v1::ERROR_REASON_INTERNAL);
}

TEST(DeliveryErrorTest, MessageSaysWhatKafkaSaid) {
  const absl::Status status =
      DeliveryError(RD_KAFKA_RESP_ERR_INVALID_RECORD, kNotPersisted, "events", "needs a key");
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("events: not written: "));
  EXPECT_THAT(message, HasSubstr("INVALID_RECORD"));
  EXPECT_THAT(message, HasSubstr("needs a key"));
}

TEST(RefusalErrorTest, FullQueueSaysWhenToTryAgain) {
  const absl::Status status = RefusalError(RD_KAFKA_RESP_ERR__QUEUE_FULL, "events");
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_PUBLISH_QUEUE_FULL);
  EXPECT_EQ(GetErrorDetails(status).retry_delay, absl::Milliseconds(100));
}

TEST(CallErrorTest, TopicErrorsNameTheTopic) {
  const absl::Status missing = CallError(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                                         Access::kSubscribe, "events", "reading events");
  EXPECT_EQ(GetErrorDetails(missing).topic, "events");
  EXPECT_THAT(std::string(missing.message()), HasSubstr("reading events: "));
  const absl::Status denied = CallError(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                        Access::kSubscribe, "events", "reading events");
  EXPECT_EQ(ReasonOf(denied), v1::ERROR_REASON_SUBSCRIBE_DENIED);
  EXPECT_EQ(GetErrorDetails(denied).topic, "events");
}

TEST(CallErrorTest, GroupsHaveTheirOwnReasons) {
  const auto reason = [](rd_kafka_resp_err_t error) {
    return ReasonOf(CallError(error, Access::kSubscribe, "events", "committing"));
  };
  EXPECT_EQ(reason(RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED), v1::ERROR_REASON_GROUP_DENIED);
  EXPECT_EQ(reason(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED),
            v1::ERROR_REASON_SUBSCRIBE_DENIED);
  EXPECT_EQ(reason(RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL),
            v1::ERROR_REASON_GROUP_PROTOCOL_MISMATCH);
  EXPECT_EQ(reason(RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE), v1::ERROR_REASON_EVENT_TOO_LARGE);
}

TEST(CallErrorTest, WhatAGroupIsBusyWithMayBeTriedAgain) {
  for (const auto error :
       {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR__WAIT_COORD,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT}) {
    EXPECT_EQ(ReasonOf(CallError(error, Access::kSubscribe, "", "committing")),
              v1::ERROR_REASON_KAFKA_UNAVAILABLE)
        << rd_kafka_err2name(error);
  }
}

TEST(CallErrorTest, NoErrorIsOk) {
  EXPECT_TRUE(CallError(RD_KAFKA_RESP_ERR_NO_ERROR, Access::kPublish, "events", "x").ok());
}

TEST(ClassifyTest, LostPositions) {
  EXPECT_EQ(Classify(RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET), ErrorClass::kPositionLost);
  EXPECT_EQ(Classify(RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE), ErrorClass::kPositionLost);
}

}  // namespace
}  // namespace eventbus::rdkafka
