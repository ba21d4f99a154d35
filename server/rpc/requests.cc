#include "server/rpc/requests.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/error.h"
#include "server/rpc/unknown_fields.h"

namespace eventbus::rpc {
namespace {

constexpr int kMaxTopics = 64;
constexpr int kMaxTypes = 256;
constexpr std::size_t kMaxClientId = 128;
constexpr int kMaxBatchEvents = 1000;
constexpr std::int64_t kMaxEvents = std::int64_t{1} << 53;
constexpr absl::Duration kMinHeartbeat = absl::Seconds(1);
constexpr absl::Duration kMaxHeartbeat = absl::Minutes(5);

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
}

bool IsValid(const google::protobuf::Duration& duration) {
  const bool same_sign = (duration.seconds() <= 0 && duration.nanos() <= 0) ||
                         (duration.seconds() >= 0 && duration.nanos() >= 0);
  return same_sign && std::abs(duration.nanos()) < 1'000'000'000;
}

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

// Years 0001 to 9999, as protobuf has them.
bool IsValid(const google::protobuf::Timestamp& time) {
  return time.seconds() >= -62'135'596'800 && time.seconds() <= 253'402'300'799 &&
         time.nanos() >= 0 && time.nanos() < 1'000'000'000;
}

class Checker {
 public:
  Checker(const v1::SubscribeRequest& request, const event::Catalog& catalog)
      : request_(request), catalog_(catalog) {}

  absl::StatusOr<bus::TailOptions> Check(const std::string& host) {
    CheckTopics();
    CheckTypes();
    CheckClientId(host);
    CheckBatch();
    CheckHeartbeat();
    CheckEnd();
    options_.reader.include_json = request_.include_json();
    if (request_.has_tail()) {
      CheckStart(request_.tail().start());
    } else {
      Violate("reader", "not set, tail is required");
    }
    if (!violations_.empty()) {
      return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID, std::move(violations_));
    }
    return std::move(options_);
  }

 private:
  template <typename... Parts>
  void Violate(std::string field, const Parts&... description) {
    violations_.push_back({std::move(field), absl::StrCat(description...)});
  }

  void CheckTopics() {
    if (request_.topics_size() > kMaxTopics) {
      return Violate("topics", request_.topics_size(), " topics, at most ", kMaxTopics);
    }
    std::set<std::string> topics;
    for (int i = 0; i < request_.topics_size(); ++i) {
      const std::string& topic = request_.topics(i);
      if (catalog_.FindTopic(topic) == nullptr) {
        Violate(absl::StrCat("topics[", i, "]"), "\"", topic, "\", allowed are ", TopicNames());
      }
      topics.insert(topic);
    }
    options_.source.topics.assign(topics.begin(), topics.end());
  }

  std::string TopicNames() const {
    std::string names;
    for (const event::Topic& topic : catalog_.topics()) {
      absl::StrAppend(&names, names.empty() ? "" : ", ", topic.name);
    }
    return names;
  }

  void CheckTypes() {
    if (request_.event_types_size() > kMaxTypes) {
      return Violate("event_types", request_.event_types_size(), " types, at most ", kMaxTypes);
    }
    auto filter = bus::Filter::Parse({request_.event_types().begin(), request_.event_types().end()},
                                     catalog_);
    if (filter.ok()) {
      options_.reader.filter = *std::move(filter);
      return;
    }
    for (FieldViolation& violation : GetErrorDetails(filter.status()).violations) {
      violations_.push_back(std::move(violation));
    }
  }

  void CheckClientId(const std::string& host) {
    const std::string& id = request_.client_id();
    if (id.size() > kMaxClientId || !std::all_of(id.begin(), id.end(), IsNameCharacter)) {
      Violate("client_id", id.size(), " bytes, at most ", kMaxClientId,
              " of [A-Za-z0-9._-] are allowed");
    }
    options_.source.client_id = absl::StrCat("eventbus/", host, "/", id);
  }

  void CheckBatch() {
    const int events = request_.max_batch_events();
    if (events < 0 || events > kMaxBatchEvents) {
      Violate("max_batch_events", events, ", 1 to ", kMaxBatchEvents, " are allowed");
    } else if (events > 0) {
      options_.reader.batch.max_events = events;
    }
  }

  void CheckHeartbeat() {
    const google::protobuf::Duration& interval = request_.heartbeat_interval();
    const absl::Duration asked = ToDuration(interval);
    if (IsValid(interval) && asked == absl::ZeroDuration()) return;
    if (!IsValid(interval) || asked < kMinHeartbeat || asked > kMaxHeartbeat) {
      return Violate("heartbeat_interval", absl::FormatDuration(asked), ", 1s to 5m are allowed");
    }
    options_.heartbeat_interval = asked;
  }

  void CheckEnd() {
    options_.reader.stop_at_end = request_.stop_at_end();
    options_.reader.max_events = request_.max_events();
    if (request_.max_events() < 0 || request_.max_events() > kMaxEvents) {
      Violate("max_events", request_.max_events(), ", 1 to ", kMaxEvents, " are allowed");
    }
  }

  void CheckStart(const v1::StartPosition& start) {
    switch (start.position_case()) {
      case v1::StartPosition::kEarliest:
        options_.source.start = bus::Earliest{};
        return;
      case v1::StartPosition::kTime:
        return CheckTime(start.time());
      case v1::StartPosition::kResumeToken:
        return CheckToken(start.resume_token());
      case v1::StartPosition::kOffsets:
        return CheckOffsets(start.offsets());
      case v1::StartPosition::kLatest:
      case v1::StartPosition::POSITION_NOT_SET:
        options_.source.start = bus::Latest{};
    }
  }

  void CheckTime(const google::protobuf::Timestamp& time) {
    if (!IsValid(time)) {
      return Violate("tail.start.time", time.seconds(), " s and ", time.nanos(),
                     " ns, years 0001 to 9999 and 0 to 999999999 ns are allowed");
    }
    options_.source.start =
        bus::AtTime{absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos())};
  }

  void CheckToken(const std::string& text) {
    auto token = bus::ParseResumeToken(text);
    if (!token.has_value()) {
      return Violate("tail.start.resume_token",
                     "damaged, or not from this service; the last resume_token of a stream is "
                     "required");
    }
    options_.source.start = *std::move(token);
  }

  void CheckOffsets(const v1::PartitionOffsets& offsets) {
    bus::AtOffsets at;
    std::set<kafka::TopicPartition> seen;
    for (int i = 0; i < offsets.positions_size(); ++i) {
      const v1::Position& position = offsets.positions(i);
      const kafka::TopicPartition partition{position.topic(), position.partition()};
      CheckPosition(absl::StrCat("tail.start.offsets.positions[", i, "]"), position,
                    seen.insert(partition).second);
      at.positions.push_back({partition, position.offset()});
    }
    options_.source.start = std::move(at);
  }

  void CheckPosition(const std::string& field, const v1::Position& position, bool first) {
    const auto& named = options_.source.topics;
    if (catalog_.FindTopic(position.topic()) == nullptr ||
        (!named.empty() &&
         std::find(named.begin(), named.end(), position.topic()) == named.end())) {
      Violate(field + ".topic", "\"", position.topic(), "\", a topic that is read is required");
    }
    if (position.partition() < 0) {
      Violate(field + ".partition", position.partition(), ", at least 0 is allowed");
    }
    if (position.offset() < 0) {
      Violate(field + ".offset", position.offset(), ", at least 0 is allowed");
    }
    if (!first) Violate(field, "the partition is listed twice, once is allowed");
  }

  const v1::SubscribeRequest& request_;
  const event::Catalog& catalog_;
  bus::TailOptions options_;
  std::vector<FieldViolation> violations_;
};

}  // namespace

absl::StatusOr<bus::TailOptions> ParseSubscribe(absl::string_view bytes,
                                                const event::Catalog& catalog,
                                                const std::string& host) {
  v1::SubscribeRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID,
                       {{"request", "not a SubscribeRequest: its bytes are not protobuf"}});
  }
  if (absl::Status status = RefuseUnknownFields(request); !status.ok()) return status;
  return Checker(request, catalog).Check(host);
}

}  // namespace eventbus::rpc
