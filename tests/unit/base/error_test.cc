#include "server/base/error.h"

#include <string>

#include "absl/strings/cord.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

namespace eventbus {
namespace {

using ::testing::IsEmpty;

template <typename Detail>
Detail PayloadOf(const absl::Status& status) {
  Detail detail;
  const auto payload =
      status.GetPayload("type.googleapis.com/" + Detail::descriptor()->full_name());
  EXPECT_TRUE(payload.has_value() && detail.ParseFromString(std::string(*payload)))
      << Detail::descriptor()->full_name();
  return detail;
}

TEST(ErrorTest, TheCodeFollowsFromTheReason) {
  using absl::StatusCode;
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_EVENT_INVALID), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_REQUEST_INVALID), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_UNKNOWN_FIELD), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_EVENT_TOO_LARGE), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_TOPIC_NOT_FOUND), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_PUBLISH_DENIED), StatusCode::kPermissionDenied);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_SUBSCRIBE_DENIED), StatusCode::kPermissionDenied);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_KAFKA_UNAVAILABLE), StatusCode::kUnavailable);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_SERVER_DRAINING), StatusCode::kUnavailable);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_PUBLISH_QUEUE_FULL), StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_TOO_MANY_STREAMS), StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_SUBSCRIBER_TOO_SLOW), StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_RESUME_POSITION_EXPIRED), StatusCode::kOutOfRange);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_UNSUPPORTED), StatusCode::kUnimplemented);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE), StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_DEAD_LETTER_DISABLED), StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_GROUP_NOT_FOUND), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(v1::ERROR_REASON_INTERNAL), StatusCode::kInternal);
}

// A reason that is added to errors.proto must be added to CodeOf.
TEST(ErrorTest, NoReasonButInternalIsInternal) {
  const auto& reasons = *v1::ErrorReason_descriptor();
  for (int i = 0; i < reasons.value_count(); ++i) {
    const auto reason = static_cast<ErrorReason>(reasons.value(i)->number());
    if (reason == v1::ERROR_REASON_UNSPECIFIED || reason == v1::ERROR_REASON_INTERNAL) continue;
    EXPECT_NE(CodeOf(reason), absl::StatusCode::kInternal) << ReasonName(reason);
    EXPECT_NE(CodeOf(reason), absl::StatusCode::kOk) << ReasonName(reason);
  }
}

TEST(ErrorTest, AReasonIsNamedWithoutItsPrefix) {
  EXPECT_EQ(ReasonName(v1::ERROR_REASON_EVENT_INVALID), "EVENT_INVALID");
  EXPECT_EQ(ReasonName(v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN), "PUBLISH_OUTCOME_UNKNOWN");
}

TEST(ErrorTest, ErrorInfoSaysReasonAndDomain) {
  const absl::Status status = MakeError(v1::ERROR_REASON_SERVER_DRAINING, "try another");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "try another");
  const auto info = PayloadOf<google::rpc::ErrorInfo>(status);
  EXPECT_EQ(info.reason(), "SERVER_DRAINING");
  EXPECT_EQ(info.domain(), "eventbus");
}

TEST(ErrorTest, OnlyWhatIsSaidIsAttached) {
  const absl::Status status = MakeError(v1::ERROR_REASON_INTERNAL, "oops");
  int payloads = 0;
  status.ForEachPayload([&payloads](absl::string_view, const absl::Cord&) { ++payloads; });
  EXPECT_EQ(payloads, 1);
}

TEST(ErrorTest, BadRequestListsEveryViolation) {
  const absl::Status status = MakeInvalid(
      v1::ERROR_REASON_EVENT_INVALID,
      {{"event.document.document_id", "unset, a UUID is required"}, {"event.document", "b"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "event.document.document_id: unset, a UUID is required (and 1 more)");
  const auto bad = PayloadOf<google::rpc::BadRequest>(status);
  ASSERT_EQ(bad.field_violations_size(), 2);
  EXPECT_EQ(bad.field_violations(0).field(), "event.document.document_id");
  EXPECT_EQ(bad.field_violations(0).description(), "unset, a UUID is required");
  EXPECT_EQ(bad.field_violations(1).field(), "event.document");
}

TEST(ErrorTest, AMessageOfOneViolationCountsNoOthers) {
  const absl::Status status = MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID, {{"topics", "65"}});
  EXPECT_EQ(status.message(), "topics: 65");
}

TEST(ErrorTest, RetryInfoKeepsFractions) {
  ErrorDetails details;
  details.reason = v1::ERROR_REASON_KAFKA_UNAVAILABLE;
  details.retry_delay = absl::Milliseconds(1250);
  const auto retry = PayloadOf<google::rpc::RetryInfo>(MakeError(details, ""));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 250'000'000);
}

TEST(ErrorTest, ResourceInfoNamesTheTopic) {
  ErrorDetails details;
  details.reason = v1::ERROR_REASON_TOPIC_NOT_FOUND;
  details.topic = "meeting-events";
  const auto resource = PayloadOf<google::rpc::ResourceInfo>(MakeError(details, ""));
  EXPECT_EQ(resource.resource_type(), "topic");
  EXPECT_EQ(resource.resource_name(), "meeting-events");
}

TEST(ErrorTest, DetailsComeBackAsTheyWentIn) {
  ErrorDetails details;
  details.reason = v1::ERROR_REASON_PUBLISH_QUEUE_FULL;
  details.violations = {{"a", "b"}, {"c", "d"}};
  details.retry_delay = absl::Seconds(2) + absl::Nanoseconds(1);
  details.topic = "t";
  const ErrorDetails again = GetErrorDetails(MakeError(details, "m"));
  EXPECT_EQ(again.reason, details.reason);
  EXPECT_EQ(again.violations, details.violations);
  EXPECT_EQ(again.retry_delay, details.retry_delay);
  EXPECT_EQ(again.topic, details.topic);
}

TEST(ErrorTest, AForeignStatusHasNoReason) {
  for (const absl::Status& status :
       {absl::OkStatus(), absl::CancelledError("gone"), absl::InternalError("")}) {
    const ErrorDetails details = GetErrorDetails(status);
    EXPECT_EQ(details.reason, v1::ERROR_REASON_UNSPECIFIED);
    EXPECT_THAT(details.violations, IsEmpty());
    EXPECT_FALSE(details.retry_delay.has_value());
    EXPECT_EQ(details.topic, "");
  }
}

TEST(ShortMessageTest, HasAtMost512BytesAndEndsWithACharacter) {
  EXPECT_EQ(ShortMessage(absl::InternalError(std::string(512, 'm'))), std::string(512, 'm'));
  EXPECT_EQ(ShortMessage(absl::InternalError(std::string(513, 'm'))),
            std::string(509, 'm') + "...");
  std::string snow = "x";
  while (snow.size() < 600) snow += "\xE2\x98\x83";
  EXPECT_EQ(ShortMessage(absl::InternalError(snow)), snow.substr(0, 508) + "...");
}

}  // namespace
}  // namespace eventbus
