#include "server/bus/dead_letter_plan.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/base/error.h"

namespace eventbus::bus {
namespace {

constexpr std::size_t kMaxTopicName = 249;  // Kafka's.
constexpr std::int32_t kClustersReplication = -1;
constexpr absl::Duration kMinRetention = absl::Hours(24 * 30);
// The headers that are added: the reason has 1 KiB at most, the names of the topic and the group a
// quarter of one each.
constexpr std::int64_t kRoomForHeaders = 64 << 10;
constexpr std::int64_t kMaxBytes = std::numeric_limits<std::int32_t>::max();  // Kafka's, too.

absl::optional<std::int64_t> Number(const TopicConfig& config, const char* name) {
  const auto found = config.find(name);
  std::int64_t number = 0;
  if (found == config.end() || !absl::SimpleAtoi(found->second, &number)) return absl::nullopt;
  return number;
}

absl::Duration RetentionOf(const TopicConfig& config) {
  const std::int64_t milliseconds = Number(config, "retention.ms").value_or(0);
  return milliseconds < 0 ? absl::InfiniteDuration() : absl::Milliseconds(milliseconds);
}

}  // namespace

absl::StatusOr<std::string> DeadLetterTopic(absl::string_view topic, absl::string_view group) {
  std::string name = absl::StrCat(topic, ".", group, ".dlq");
  if (name.size() <= kMaxTopicName) return name;
  return MakeInvalid(
      v1::ERROR_REASON_REQUEST_INVALID,
      {{"group.id", absl::StrCat("its dead-letter topic ", name, " would have ", name.size(),
                                 " characters, at most ", kMaxTopicName, " are allowed")}});
}

kafka::NewTopic PlanDeadLetterTopic(std::string name, std::int32_t partitions,
                                    const TopicConfig& origin) {
  kafka::NewTopic plan;
  plan.name = std::move(name);
  plan.partitions = partitions;
  plan.replication_factor = kClustersReplication;
  plan.retention = std::max(kMinRetention, RetentionOf(origin));
  // Compaction, were it the cluster's default, would keep one letter of a key.
  plan.config["cleanup.policy"] = "delete";
  if (const auto bytes = Number(origin, "max.message.bytes")) {
    plan.config["max.message.bytes"] = absl::StrCat(std::min(*bytes + kRoomForHeaders, kMaxBytes));
  }
  return plan;
}

}  // namespace eventbus::bus
