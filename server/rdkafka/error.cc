#include "server/rdkafka/error.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/error.h"

namespace eventbus::rdkafka {
namespace {

constexpr absl::Duration kRetryDelay = absl::Seconds(1);
// The queue drains at full speed: a tenth of a second is many thousand records.
constexpr absl::Duration kQueueRetryDelay = absl::Milliseconds(100);

ErrorReason ReasonOf(ErrorClass error_class, Access access) {
  switch (error_class) {
    case ErrorClass::kUnknownTopic:
      return v1::ERROR_REASON_TOPIC_NOT_FOUND;
    case ErrorClass::kDenied:
      return access == Access::kPublish ? v1::ERROR_REASON_PUBLISH_DENIED
                                        : v1::ERROR_REASON_SUBSCRIBE_DENIED;
    case ErrorClass::kGroupDenied:
      return v1::ERROR_REASON_GROUP_DENIED;
    case ErrorClass::kGroupProtocol:
      return v1::ERROR_REASON_GROUP_PROTOCOL_MISMATCH;
    case ErrorClass::kTooLarge:
      return v1::ERROR_REASON_EVENT_TOO_LARGE;
    case ErrorClass::kQueueFull:
      return v1::ERROR_REASON_PUBLISH_QUEUE_FULL;
    case ErrorClass::kPositionLost:
      return v1::ERROR_REASON_RESUME_POSITION_EXPIRED;
    case ErrorClass::kTransient:
      return v1::ERROR_REASON_KAFKA_UNAVAILABLE;
    case ErrorClass::kNone:
    case ErrorClass::kPermanent:
      return v1::ERROR_REASON_INTERNAL;
  }
  return v1::ERROR_REASON_INTERNAL;
}

absl::Status MakeKafkaError(ErrorReason reason, absl::string_view topic,
                            absl::string_view message) {
  ErrorDetails details;
  details.reason = reason;
  if (reason == v1::ERROR_REASON_KAFKA_UNAVAILABLE) details.retry_delay = kRetryDelay;
  if (reason == v1::ERROR_REASON_PUBLISH_QUEUE_FULL) details.retry_delay = kQueueRetryDelay;
  if (reason == v1::ERROR_REASON_TOPIC_NOT_FOUND || reason == v1::ERROR_REASON_PUBLISH_DENIED ||
      reason == v1::ERROR_REASON_SUBSCRIBE_DENIED) {
    details.topic = std::string(topic);
  }
  return MakeError(details, message);
}

// "Broker: Unknown topic or partition (UNKNOWN_TOPIC_OR_PART)", and the detail where it says more.
std::string Say(rd_kafka_resp_err_t error, absl::string_view detail) {
  const absl::string_view text = rd_kafka_err2str(error);
  std::string out = absl::StrCat(text, " (", rd_kafka_err2name(error), ")");
  if (!detail.empty() && detail != text) absl::StrAppend(&out, ": ", detail);
  return out;
}

}  // namespace

ErrorClass Classify(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return ErrorClass::kNone;

    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return ErrorClass::kUnknownTopic;

    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return ErrorClass::kDenied;

    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return ErrorClass::kGroupDenied;

    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
      return ErrorClass::kGroupProtocol;

    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
      return ErrorClass::kTooLarge;

    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return ErrorClass::kQueueFull;

    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      return ErrorClass::kPositionLost;

    // The way to the brokers; their answers to come.
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR__RETRY:
    // Leaders, replicas and coordinators that move or are missing.
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_PREFERRED_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
    case RD_KAFKA_RESP_ERR_FETCH_SESSION_ID_NOT_FOUND:
    case RD_KAFKA_RESP_ERR_INVALID_FETCH_SESSION_EPOCH:
    // A group between two generations, or a member that it went on without, which joins again.
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
    // The idempotent producer's own state: a new one, or a new epoch of the same, is made.
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__DESTROY:
    case RD_KAFKA_RESP_ERR__STATE:
    case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
    case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      return ErrorClass::kTransient;

    default:
      return ErrorClass::kPermanent;
  }
}

absl::Status DeliveryError(rd_kafka_resp_err_t error, rd_kafka_msg_status_t status,
                           absl::string_view topic, absl::string_view detail) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR && status == RD_KAFKA_MSG_STATUS_PERSISTED) {
    return absl::OkStatus();
  }
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR || status != RD_KAFKA_MSG_STATUS_NOT_PERSISTED) {
    return MakeKafkaError(
        v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN, topic,
        absl::StrCat(topic, ": perhaps written, perhaps not: ", Say(error, detail)));
  }
  const ErrorReason reason = ReasonOf(Classify(error), Access::kPublish);
  return MakeKafkaError(reason, topic, absl::StrCat(topic, ": not written: ", Say(error, detail)));
}

absl::Status RefusalError(rd_kafka_resp_err_t error, absl::string_view topic) {
  return DeliveryError(error, RD_KAFKA_MSG_STATUS_NOT_PERSISTED, topic, "");
}

absl::Status CallError(rd_kafka_resp_err_t error, Access access, absl::string_view topic,
                       absl::string_view what, absl::string_view detail) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  return MakeKafkaError(ReasonOf(Classify(error), access), topic,
                        absl::StrCat(what, ": ", Say(error, detail)));
}

}  // namespace eventbus::rdkafka
