#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/clock.h"
#include "server/event/catalog.h"
#include "server/kafka/producer.h"
#include "server/wire/envelope.h"
#include "server/wire/plan.h"

namespace eventbus::bus {

struct PublisherOptions {
  // The most bytes an event's JSON may have.
  std::size_t max_event_bytes = 1'000'000;
};

// Where an event was written.
struct Published {
  std::string event_id;
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

// An event that is ready to be written.
struct PreparedEvent {
  std::string event_id;
  const event::Topic* topic = nullptr;  // The catalog's.
  kafka::OutgoingRecord record;
};

// PUBLISH_OUTCOME_UNKNOWN, for what has no report in time.
absl::Status OutcomeUnknown();

// The way of an event from a client to Kafka: parse -> validate and encode -> produce ->
// acknowledge. Thread-safe. What is handed in must outlive it.
class Publisher {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<Published>)>;

  Publisher(const wire::Plan& plan, kafka::Producer& producer, const Clock& clock,
            PublisherOptions options);

  // Publishes the PublishRequest in `request`, which is read only during the call. `traceparent` is
  // the call's, or empty. `done` runs once: in this call for what is refused, else on the
  // producer's thread; it must not block. Errors: those of the two steps below.
  void Publish(absl::string_view request, absl::string_view traceparent, Done done);

  // The first step: parses, checks and encodes `request`, which is read only during the call. Field
  // paths begin with `path`: empty, or ending in a dot. Errors by reason (errors.proto):
  // REQUEST_INVALID, UNKNOWN_FIELD, EVENT_INVALID, EVENT_TOO_LARGE, SERVER_DRAINING.
  absl::StatusOr<PreparedEvent> Prepare(absl::string_view request, absl::string_view path,
                                        absl::string_view traceparent);

  // The second step: as kafka::Producer::Produce.
  absl::Status Produce(kafka::OutgoingRecord& record, kafka::Producer::DoneCallback& done) {
    return producer_.Produce(record, done);
  }

  // From now on every Publish is refused with SERVER_DRAINING.
  void Drain() { draining_.store(true); }
  // How many have been.
  std::int64_t refused() const { return refused_.load(); }

 private:
  absl::StatusOr<PreparedEvent> Encode(const wire::PublishEnvelope& envelope,
                                       absl::string_view path, absl::string_view traceparent) const;

  const wire::Plan& plan_;
  kafka::Producer& producer_;
  const Clock& clock_;
  const PublisherOptions options_;
  std::atomic<bool> draining_{false};
  std::atomic<std::int64_t> refused_{0};
};

}  // namespace eventbus::bus
