#include "server/bus/publisher.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/uuid.h"
#include "server/wire/encode.h"

namespace eventbus::bus {
namespace {

constexpr char kContentType[] = "content-type";
constexpr char kJson[] = "application/json";
constexpr char kTraceparent[] = "traceparent";

bool Has(const wire::PublishEnvelope& envelope, absl::string_view name) {
  for (const wire::PublishHeader& header : envelope.headers) {
    if (absl::EqualsIgnoreCase(header.key, name)) return true;
  }
  return false;
}

// The server's own headers, but for those that the request names itself, then the request's.
std::vector<kafka::Header> MakeHeaders(const wire::PublishEnvelope& envelope,
                                       absl::string_view traceparent) {
  std::vector<kafka::Header> headers;
  headers.reserve(envelope.headers.size() + 2);
  if (!Has(envelope, kContentType)) headers.push_back({kContentType, kJson});
  if (!traceparent.empty() && !Has(envelope, kTraceparent)) {
    headers.push_back({kTraceparent, std::string(traceparent)});
  }
  for (const wire::PublishHeader& header : envelope.headers) {
    headers.push_back({std::string(header.key), std::string(header.value)});
  }
  return headers;
}

}  // namespace

absl::Status OutcomeUnknown() {
  return MakeError(v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN,
                   "no broker said in time whether the event was written; send it again with the "
                   "same event_id");
}

Publisher::Publisher(const wire::Plan& plan, kafka::Producer& producer, const Clock& clock,
                     PublisherOptions options)
    : plan_(plan), producer_(producer), clock_(clock), options_(options) {}

void Publisher::Publish(absl::string_view request, absl::string_view traceparent, Done done) {
  absl::StatusOr<PreparedEvent> event = Prepare(request, "", traceparent);
  if (!event.ok()) return done(event.status());
  kafka::Producer::DoneCallback on_delivery =
      [published = Published{std::move(event->event_id), event->topic->name},
       done = std::move(done)](absl::StatusOr<kafka::Position> position) mutable {
        if (!position.ok()) return done(position.status());
        published.partition = position->partition;
        published.offset = position->offset;
        done(std::move(published));
      };
  const absl::Status taken = Produce(event->record, on_delivery);
  if (!taken.ok()) on_delivery(taken);
}

absl::StatusOr<PreparedEvent> Publisher::Prepare(absl::string_view request, absl::string_view path,
                                                 absl::string_view traceparent) {
  if (draining_.load(std::memory_order_relaxed)) {
    refused_.fetch_add(1);
    return MakeRetryError(v1::ERROR_REASON_SERVER_DRAINING,
                          "the server is shutting down; nothing was written");
  }
  const auto envelope = wire::ParsePublishRequest(request, path);
  if (!envelope.ok()) return envelope.status();
  return Encode(*envelope, path, traceparent);
}

absl::StatusOr<PreparedEvent> Publisher::Encode(const wire::PublishEnvelope& envelope,
                                                absl::string_view path,
                                                absl::string_view traceparent) const {
  const bool json = envelope.content == wire::PublishEnvelope::Content::kJson;
  const auto now = [this] { return clock_.Now(); };
  const std::string content = absl::StrCat(path, json ? "json" : "event");
  const wire::EncodeOptions options{.rules = wire::Rules::kPublish,
                                    .path = content,
                                    .max_bytes = options_.max_event_bytes,
                                    .new_event_id = NewUuid,
                                    .now = now};
  auto encoded = json ? wire::EncodeJson(plan_, envelope.body(), options)
                      : wire::EncodeEvent(plan_, envelope.body(), options);
  if (!encoded.ok()) return encoded.status();
  PreparedEvent event;
  event.event_id = std::move(encoded->event_id);
  event.topic = encoded->topic;
  event.record.topic = encoded->topic->name;
  event.record.key = envelope.ordering_key.has_value() ? std::string(*envelope.ordering_key)
                                                       : std::move(encoded->key);
  event.record.value = std::move(encoded->json);
  event.record.headers = MakeHeaders(envelope, traceparent);
  return event;
}

}  // namespace eventbus::bus
