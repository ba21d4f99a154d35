#include "server/rpc/requests.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/rpc/durations.h"
#include "server/rpc/group_id.h"
#include "server/rpc/settling_options.h"
#include "server/rpc/start_position.h"
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

class Checker {
 public:
  Checker(const v1::SubscribeRequest& request, const event::Catalog& catalog,
          const SubscribeDefaults& defaults, absl::string_view path)
      : request_(request), catalog_(catalog), defaults_(defaults), path_(path) {}

  absl::StatusOr<SubscribeOptions> Check() {
    CheckTopics();
    CheckTypes();
    CheckClientId();
    CheckBatch();
    CheckHeartbeat();
    CheckEnd();
    reader_.include_json = request_.include_json();
    SubscribeOptions options = MakeOptions();
    if (violations_.empty()) return options;
    for (FieldViolation& violation : violations_) {
      violation.field = absl::StrCat(path_, violation.field);
    }
    return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID, std::move(violations_));
  }

 private:
  SubscribeOptions MakeOptions() {
    if (request_.has_group()) return MakeGroup();
    if (!request_.has_tail()) Violate("reader", "not set, group or tail is required");
    return MakeTail();
  }

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
    topics_.assign(topics.begin(), topics.end());
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
      reader_.filter = *std::move(filter);
      return;
    }
    for (FieldViolation& violation : GetErrorDetails(filter.status()).violations) {
      violations_.push_back(std::move(violation));
    }
  }

  void CheckClientId() {
    const std::string& id = request_.client_id();
    if (id.size() > kMaxClientId || !std::all_of(id.begin(), id.end(), IsNameCharacter)) {
      Violate("client_id", id.size(), " bytes, at most ", kMaxClientId,
              " of [A-Za-z0-9._-] are allowed");
    }
  }

  void CheckBatch() {
    const int events = request_.max_batch_events();
    if (events < 0 || events > kMaxBatchEvents) {
      Violate("max_batch_events", events, ", 1 to ", kMaxBatchEvents, " are allowed");
    } else if (events > 0) {
      reader_.batch.max_events = events;
    }
  }

  void CheckHeartbeat() {
    const google::protobuf::Duration& interval = request_.heartbeat_interval();
    if (IsWithin(interval, absl::ZeroDuration(), absl::ZeroDuration())) return;
    const absl::Duration asked = ToDuration(interval);
    if (!IsWithin(interval, kMinHeartbeat, kMaxHeartbeat)) {
      return Violate("heartbeat_interval", absl::FormatDuration(asked), ", 1s to 5m are allowed");
    }
    heartbeat_interval_ = asked;
  }

  void CheckEnd() {
    reader_.stop_at_end = request_.stop_at_end();
    reader_.max_events = request_.max_events();
    if (request_.max_events() < 0 || request_.max_events() > kMaxEvents) {
      Violate("max_events", request_.max_events(), ", 1 to ", kMaxEvents, " are allowed");
    }
  }

  bus::GroupOptions MakeGroup() {
    const v1::Group& group = request_.group();
    bus::GroupOptions options;
    options.source.group_id = group.id().empty() ? defaults_.group_id : group.id();
    CheckGroupId(options.source.group_id, "group.id", violations_);
    options.source.topics = topics_;
    options.source.client_id = ClientId();
    options.source.initial_position =
        ReadStart(group.initial_position(), "group.initial_position", defaults_.group_start,
                  topics_, catalog_, violations_);
    options.reader = reader_;
    options.reader.delivery_attempt = 1;
    options.member.commit_interval = defaults_.commit_interval;
    options.settling.max_span = defaults_.max_span;
    options.member.gap_policy = ReadGapPolicy(group.gap_policy());
    options.heartbeat_interval = heartbeat_interval_;
    ReadSettling(group, catalog_, options, violations_);
    return options;
  }

  bus::GapPolicy ReadGapPolicy(v1::GapPolicy policy) {
    switch (policy) {
      case v1::GAP_POLICY_UNSPECIFIED:
      case v1::GAP_POLICY_EARLIEST:
        break;
      case v1::GAP_POLICY_LATEST:
        return bus::GapPolicy::kLatest;
      case v1::GAP_POLICY_FAIL:
        return bus::GapPolicy::kFail;
      default:
        Violate("group.gap_policy", static_cast<int>(policy),
                ", GAP_POLICY_EARLIEST, GAP_POLICY_LATEST or GAP_POLICY_FAIL is allowed");
    }
    return bus::GapPolicy::kEarliest;
  }

  bus::TailOptions MakeTail() {
    bus::TailOptions options;
    options.source.topics = topics_;
    options.source.client_id = ClientId();
    options.source.start = ReadStart(request_.tail().start(), "tail.start", bus::Latest{}, topics_,
                                     catalog_, violations_);
    options.reader = reader_;
    options.heartbeat_interval = heartbeat_interval_;
    return options;
  }

  std::string ClientId() const {
    return absl::StrCat("eventbus/", defaults_.host, "/", request_.client_id());
  }

  const v1::SubscribeRequest& request_;
  const event::Catalog& catalog_;
  const SubscribeDefaults& defaults_;
  const absl::string_view path_;
  std::vector<std::string> topics_;
  bus::ReaderOptions reader_;
  absl::Duration heartbeat_interval_ = absl::Seconds(15);
  std::vector<FieldViolation> violations_;
};

}  // namespace

absl::StatusOr<SubscribeOptions> ParseSubscribe(absl::string_view bytes,
                                                const event::Catalog& catalog,
                                                const SubscribeDefaults& defaults) {
  v1::SubscribeRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID,
                       {{"request", "not a SubscribeRequest: its bytes are not protobuf"}});
  }
  if (absl::Status status = RefuseUnknownFields(request); !status.ok()) return status;
  return ReadSubscribe(request, catalog, defaults, "");
}

absl::StatusOr<SubscribeOptions> ReadSubscribe(const v1::SubscribeRequest& request,
                                               const event::Catalog& catalog,
                                               const SubscribeDefaults& defaults,
                                               absl::string_view path) {
  return Checker(request, catalog, defaults, path).Check();
}

}  // namespace eventbus::rpc
