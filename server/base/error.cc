#include "server/base/error.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/rpc/error_details.pb.h"

namespace eventbus {
namespace {

constexpr char kDomain[] = "eventbus";
constexpr char kTypeUrlPrefix[] = "type.googleapis.com/";
constexpr char kReasonPrefix[] = "ERROR_REASON_";
constexpr char kCut[] = "...";

template <typename Detail>
std::string TypeUrl() {
  return absl::StrCat(kTypeUrlPrefix, Detail::descriptor()->full_name());
}

template <typename Detail>
void Attach(absl::Status& status, const Detail& detail) {
  status.SetPayload(TypeUrl<Detail>(), absl::Cord(detail.SerializeAsString()));
}

template <typename Detail>
std::optional<Detail> Find(const absl::Status& status) {
  const auto payload = status.GetPayload(TypeUrl<Detail>());
  Detail detail;
  if (!payload.has_value() || !detail.ParseFromString(std::string(*payload))) return std::nullopt;
  return detail;
}

void SetDuration(absl::Duration duration, google::protobuf::Duration& out) {
  out.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  out.set_nanos(static_cast<std::int32_t>(absl::ToInt64Nanoseconds(duration)));
}

}  // namespace

absl::StatusCode CodeOf(ErrorReason reason) {
  switch (reason) {
    case v1::ERROR_REASON_EVENT_INVALID:
    case v1::ERROR_REASON_REQUEST_INVALID:
    case v1::ERROR_REASON_UNKNOWN_FIELD:
    case v1::ERROR_REASON_EVENT_TOO_LARGE:
    case v1::ERROR_REASON_ACK_TOKEN_INVALID:
      return absl::StatusCode::kInvalidArgument;
    case v1::ERROR_REASON_TOPIC_NOT_FOUND:
    case v1::ERROR_REASON_GROUP_NOT_FOUND:
      return absl::StatusCode::kNotFound;
    case v1::ERROR_REASON_PUBLISH_DENIED:
    case v1::ERROR_REASON_SUBSCRIBE_DENIED:
    case v1::ERROR_REASON_GROUP_DENIED:
      return absl::StatusCode::kPermissionDenied;
    case v1::ERROR_REASON_KAFKA_UNAVAILABLE:
    case v1::ERROR_REASON_SERVER_DRAINING:
      return absl::StatusCode::kUnavailable;
    case v1::ERROR_REASON_PUBLISH_QUEUE_FULL:
    case v1::ERROR_REASON_TOO_MANY_STREAMS:
    case v1::ERROR_REASON_SUBSCRIBER_TOO_SLOW:
      return absl::StatusCode::kResourceExhausted;
    case v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN:
      return absl::StatusCode::kDeadlineExceeded;
    case v1::ERROR_REASON_RESUME_POSITION_EXPIRED:
      return absl::StatusCode::kOutOfRange;
    case v1::ERROR_REASON_GROUP_PROTOCOL_MISMATCH:
    case v1::ERROR_REASON_GROUP_FILTER_MISMATCH:
    case v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED:
    case v1::ERROR_REASON_ACK_TOKEN_EXPIRED:
    case v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE:
    case v1::ERROR_REASON_DEAD_LETTER_DISABLED:
      return absl::StatusCode::kFailedPrecondition;
    case v1::ERROR_REASON_ACK_TIMEOUT:
      return absl::StatusCode::kAborted;
    case v1::ERROR_REASON_UNSUPPORTED:
      return absl::StatusCode::kUnimplemented;
    default:
      return absl::StatusCode::kInternal;
  }
}

std::string ReasonName(ErrorReason reason) {
  const std::string name = v1::ErrorReason_Name(reason);
  return std::string(absl::StripPrefix(name, kReasonPrefix));
}

absl::Status MakeError(const ErrorDetails& details, absl::string_view message) {
  absl::Status status(CodeOf(details.reason), message);
  google::rpc::ErrorInfo info;
  info.set_domain(kDomain);
  info.set_reason(ReasonName(details.reason));
  Attach(status, info);
  if (!details.violations.empty()) {
    google::rpc::BadRequest bad;
    for (const FieldViolation& violation : details.violations) {
      auto* out = bad.add_field_violations();
      out->set_field(violation.field);
      out->set_description(violation.description);
    }
    Attach(status, bad);
  }
  if (details.retry_delay.has_value()) {
    google::rpc::RetryInfo retry;
    SetDuration(*details.retry_delay, *retry.mutable_retry_delay());
    Attach(status, retry);
  }
  if (!details.topic.empty()) {
    google::rpc::ResourceInfo resource;
    resource.set_resource_type("topic");
    resource.set_resource_name(details.topic);
    Attach(status, resource);
  }
  return status;
}

absl::Status MakeError(ErrorReason reason, absl::string_view message) {
  ErrorDetails details;
  details.reason = reason;
  return MakeError(details, message);
}

absl::Status MakeRetryError(ErrorReason reason, absl::string_view message) {
  ErrorDetails details;
  details.reason = reason;
  details.retry_delay = absl::Seconds(reason == v1::ERROR_REASON_SERVER_DRAINING ? 2 : 1);
  return MakeError(details, message);
}

absl::Status MakeInvalid(ErrorReason reason, std::vector<FieldViolation> violations) {
  std::string message = absl::StrCat(violations[0].field, ": ", violations[0].description);
  if (violations.size() > 1) absl::StrAppend(&message, " (and ", violations.size() - 1, " more)");
  ErrorDetails details;
  details.reason = reason;
  details.violations = std::move(violations);
  return MakeError(details, message);
}

std::string ShortMessage(const absl::Status& status) {
  const absl::string_view message = status.message();
  if (message.size() <= kMaxMessageBytes) return std::string(message);
  std::size_t end = kMaxMessageBytes - (sizeof(kCut) - 1);
  while (end > 0 && (message[end] & 0xC0) == 0x80) --end;
  return absl::StrCat(message.substr(0, end), kCut);
}

ErrorDetails GetErrorDetails(const absl::Status& status) {
  ErrorDetails details;
  if (const auto info = Find<google::rpc::ErrorInfo>(status)) {
    ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
    if (v1::ErrorReason_Parse(absl::StrCat(kReasonPrefix, info->reason()), &reason)) {
      details.reason = reason;
    }
  }
  if (const auto bad = Find<google::rpc::BadRequest>(status)) {
    for (const auto& violation : bad->field_violations()) {
      details.violations.push_back({violation.field(), violation.description()});
    }
  }
  if (const auto retry = Find<google::rpc::RetryInfo>(status)) {
    details.retry_delay = absl::Seconds(retry->retry_delay().seconds()) +
                          absl::Nanoseconds(retry->retry_delay().nanos());
  }
  if (const auto resource = Find<google::rpc::ResourceInfo>(status)) {
    details.topic = resource->resource_name();
  }
  return details;
}

}  // namespace eventbus
