#include "server/rpc/settling_options.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/rpc/durations.h"

namespace eventbus::rpc {
namespace {

constexpr std::int64_t kMaxOutstandingEvents = 10'000;
constexpr std::int64_t kMinOutstandingBytes = std::int64_t{64} << 10;
constexpr std::int64_t kMaxOutstandingBytes = std::int64_t{64} << 20;
constexpr absl::Duration kMinAckTimeout = absl::Seconds(10);
constexpr absl::Duration kMaxAckTimeout = absl::Hours(24);
constexpr absl::Duration kMaxBackoff = absl::Minutes(10);
constexpr int kMaxDeliveryAttempts = 1000;
// Kafka's limit for a topic's name, and what a dead-letter topic's has besides its topic and group.
constexpr std::size_t kMaxTopicName = 249;
constexpr std::size_t kDeadLetterAffixes = sizeof("..dlq") - 1;

class SettlingReader {
 public:
  SettlingReader(const v1::Group& group, const event::Catalog& catalog, bus::GroupOptions& options,
                 std::vector<FieldViolation>& violations)
      : group_(group), catalog_(catalog), options_(options), violations_(violations) {}

  void Read() {
    switch (group_.ack_mode()) {
      case v1::ACK_MODE_UNSPECIFIED:
      case v1::ACK_MODE_EXPLICIT:
        options_.ack_mode = bus::AckMode::kExplicit;
        options_.member.release_grace = absl::ZeroDuration();  // A write settles nothing.
        return ReadExplicit();
      case v1::ACK_MODE_AUTO:
        options_.ack_mode = bus::AckMode::kAuto;
        return RefuseAll();
      default:
        Violate("ack_mode", static_cast<int>(group_.ack_mode()),
                ", ACK_MODE_EXPLICIT or ACK_MODE_AUTO is allowed");
    }
  }

 private:
  template <typename... Parts>
  void Violate(const char* field, const Parts&... description) {
    violations_.push_back({absl::StrCat("group.", field), absl::StrCat(description...)});
  }

  void ReadExplicit() {
    ReadOutstanding();
    ReadAckTimeout();
    if (group_.has_retry_policy()) ReadRetryPolicy();
    if (group_.has_dead_letter_policy()) ReadDeadLetterPolicy();
  }

  void ReadOutstanding() {
    const std::int64_t events = group_.max_outstanding_events();
    if (events < 0 || events > kMaxOutstandingEvents) {
      Violate("max_outstanding_events", events, ", 1 to ", kMaxOutstandingEvents, " are allowed");
    } else if (events > 0) {
      options_.settling.max_events = events;
    }
    const std::int64_t bytes = group_.max_outstanding_bytes();
    if (bytes != 0 && (bytes < kMinOutstandingBytes || bytes > kMaxOutstandingBytes)) {
      Violate("max_outstanding_bytes", bytes, ", ", kMinOutstandingBytes, " to ",
              kMaxOutstandingBytes, " are allowed");
    } else if (bytes > 0) {
      options_.settling.max_bytes = bytes;
    }
  }

  void ReadAckTimeout() {
    const google::protobuf::Duration& timeout = group_.ack_timeout();
    if (IsWithin(timeout, absl::ZeroDuration(), absl::ZeroDuration())) return;
    if (!IsWithin(timeout, kMinAckTimeout, kMaxAckTimeout)) {
      return Violate("ack_timeout", absl::FormatDuration(ToDuration(timeout)),
                     ", 10s to 24h are allowed");
    }
    options_.ack_timeout = ToDuration(timeout);
  }

  // An unset `max_backoff` gives way to a longer `min_backoff`.
  void ReadRetryPolicy() {
    const v1::RetryPolicy& policy = group_.retry_policy();
    bus::SettlingOptions& settling = options_.settling;
    const bool min_allowed = ReadBackoff("retry_policy.min_backoff", policy.has_min_backoff(),
                                         policy.min_backoff(), settling.min_backoff);
    const bool has_max =
        !IsWithin(policy.max_backoff(), absl::ZeroDuration(), absl::ZeroDuration());
    const bool max_allowed = ReadBackoff("retry_policy.max_backoff", has_max, policy.max_backoff(),
                                         settling.max_backoff);
    if (!min_allowed || !max_allowed || settling.max_backoff >= settling.min_backoff) return;
    if (has_max) {
      return Violate("retry_policy.max_backoff", absl::FormatDuration(settling.max_backoff),
                     ", at least min_backoff (", absl::FormatDuration(settling.min_backoff),
                     ") is allowed");
    }
    settling.max_backoff = settling.min_backoff;
  }

  // False: out of bounds.
  bool ReadBackoff(const char* field, bool set, const google::protobuf::Duration& asked,
                   absl::Duration& backoff) {
    if (!set) return true;
    if (!IsWithin(asked, absl::ZeroDuration(), kMaxBackoff)) {
      Violate(field, absl::FormatDuration(ToDuration(asked)), ", 0s to 10m are allowed");
      return false;
    }
    backoff = ToDuration(asked);
    return true;
  }

  void ReadDeadLetterPolicy() {
    options_.settling.dead_letters = true;
    const int attempts = group_.dead_letter_policy().max_delivery_attempts();
    if (attempts < 0 || attempts > kMaxDeliveryAttempts) {
      Violate("dead_letter_policy.max_delivery_attempts", attempts, ", 1 to ", kMaxDeliveryAttempts,
              " are allowed, or 0 for any number");
    } else {
      options_.settling.max_failures = attempts;
    }
    CheckDeadLetterTopics();
  }

  // An empty id has been found wanting already.
  void CheckDeadLetterTopics() {
    std::size_t longest = 0;
    for (const std::string& topic : options_.source.topics) {
      longest = std::max(longest, topic.size());
    }
    if (options_.source.topics.empty()) {
      for (const event::Topic& topic : catalog_.topics()) {
        longest = std::max(longest, topic.name.size());
      }
    }
    const std::size_t left = kMaxTopicName - kDeadLetterAffixes - std::min(longest, kMaxTopicName);
    const std::size_t id = options_.source.group_id.size();
    if (id <= left || id > kMaxTopicName) return;
    Violate("id", id, " bytes, at most ", left,
            " are allowed where dead letters go to the topic <topic>.<group>.dlq");
  }

  // Under AUTO nothing is outstanding.
  void RefuseAll() {
    const auto refuse = [this](const char* field, bool set) {
      if (set) Violate(field, "set, allowed under ACK_MODE_EXPLICIT only");
    };
    refuse("max_outstanding_events", group_.max_outstanding_events() != 0);
    refuse("max_outstanding_bytes", group_.max_outstanding_bytes() != 0);
    refuse("ack_timeout", group_.has_ack_timeout());
    refuse("retry_policy", group_.has_retry_policy());
    refuse("dead_letter_policy", group_.has_dead_letter_policy());
  }

  const v1::Group& group_;
  const event::Catalog& catalog_;
  bus::GroupOptions& options_;
  std::vector<FieldViolation>& violations_;
};

}  // namespace

void ReadSettling(const v1::Group& group, const event::Catalog& catalog, bus::GroupOptions& options,
                  std::vector<FieldViolation>& violations) {
  SettlingReader(group, catalog, options, violations).Read();
}

}  // namespace eventbus::rpc
