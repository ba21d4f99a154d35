#pragma once

#include <librdkafka/rdkafka.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace eventbus::rdkafka {

// What an error of Kafka's or librdkafka's means for us. error.cc has the one table.
enum class ErrorClass {
  kNone,
  // The cluster does not have the topic or the partition.
  kUnknownTopic,
  // Kafka forbids it.
  kDenied,
  // Kafka forbids the group.
  kGroupDenied,
  // The group's other members have no assignor in common with this one.
  kGroupProtocol,
  kTooLarge,
  // librdkafka's own queue is full.
  kQueueFull,
  // The position is not in the log.
  kPositionLost,
  // Brokers away, busy or moving: it heals by waiting.
  kTransient,
  // Not expected, or not to be healed by waiting.
  kPermanent,
};

ErrorClass Classify(rd_kafka_resp_err_t error);

// Whom an authorization failure concerns, unless it is the group's, which speaks for itself.
enum class Access { kPublish, kSubscribe };

// The error of a record that Kafka reported on; OK only without an error and with `status`
// PERSISTED. Where it may have been written: PUBLISH_OUTCOME_UNKNOWN, whatever the error. Else by
// class: KAFKA_UNAVAILABLE (nothing was written; with a retry delay), TOPIC_NOT_FOUND,
// PUBLISH_DENIED, EVENT_TOO_LARGE, INTERNAL. `detail`: what Kafka said beyond the code; may be
// empty.
absl::Status DeliveryError(rd_kafka_resp_err_t error, rd_kafka_msg_status_t status,
                           absl::string_view topic, absl::string_view detail);

// The error of a record that librdkafka refused to take: as above, and PUBLISH_QUEUE_FULL (with a
// retry delay).
absl::Status RefusalError(rd_kafka_resp_err_t error, absl::string_view topic);

// The error of anything else; `what` begins the message: "positions of document-events". OK where
// `error` is none. `topic` may be empty. Beside the above: GROUP_DENIED, GROUP_PROTOCOL_MISMATCH,
// RESUME_POSITION_EXPIRED.
absl::Status CallError(rd_kafka_resp_err_t error, Access access, absl::string_view topic,
                       absl::string_view what, absl::string_view detail = "");

}  // namespace eventbus::rdkafka
