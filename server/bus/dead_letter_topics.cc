#include "server/bus/dead_letter_topics.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/bus/new_topic.h"

namespace eventbus::bus {
namespace {

std::int32_t PartitionsOf(const kafka::ClusterMetadata& cluster, const std::string& topic) {
  const auto found = cluster.topics.find(topic);
  return found == cluster.topics.end() ? 0 : found->second.partitions;
}

absl::Status TooSmall(const std::string& letters, std::int32_t has, const std::string& origin,
                      std::int32_t needs) {
  return MakeError(v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE,
                   absl::StrCat("the dead-letter topic ", letters, " has ", has,
                                " partitions, as many as ", origin, " has are needed: ", needs));
}

// What Kafka said when the topic was to be made; an outage is told as one.
absl::Status Refused(const std::string& letters, const absl::Status& status) {
  if (absl::IsUnavailable(status)) return status;
  return MakeError(
      v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE,
      absl::StrCat("the dead-letter topic ", letters, " cannot be made: ", status.message()));
}

}  // namespace

DeadLetterTopics::DeadLetterTopics(kafka::Admin& admin, const ClusterMonitor& monitor,
                                   const Clock& clock, Options options)
    : admin_(admin), monitor_(monitor), clock_(clock), options_(options) {}

absl::Status DeadLetterTopics::Prepare(const std::string& group,
                                       const std::vector<std::string>& topics) {
  std::vector<Pair> pairs;
  for (const std::string& topic : topics) {
    auto letters = DeadLetterTopic(topic, group);
    if (!letters.ok()) return letters.status();
    pairs.push_back({topic, *std::move(letters)});
  }
  const auto heard = monitor_.latest();
  bool all_there = heard != nullptr;
  for (const Pair& pair : pairs) {
    all_there = all_there && PartitionsOf(*heard, pair.origin) > 0 &&
                PartitionsOf(*heard, pair.letters) >= PartitionsOf(*heard, pair.origin);
  }
  return all_there ? absl::OkStatus() : Check(pairs);
}

absl::Status DeadLetterTopics::Check(const std::vector<Pair>& pairs) {
  const auto cluster = admin_.Describe(options_.timeout);
  if (!cluster.ok()) return cluster.status();
  for (const Pair& pair : pairs) {
    const std::int32_t needs = PartitionsOf(*cluster, pair.origin);
    if (needs == 0) continue;
    const std::int32_t has = PartitionsOf(*cluster, pair.letters);
    if (has >= needs) continue;
    if (has > 0) return TooSmall(pair.letters, has, pair.origin, needs);
    if (absl::Status status = Make(pair, needs); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status DeadLetterTopics::Make(const Pair& pair, std::int32_t partitions) {
  const auto config = ConfigOf(pair.origin);
  if (!config.ok()) return Refused(pair.letters, config.status());
  const kafka::NewTopic plan = PlanDeadLetterTopic(pair.letters, partitions, *config);
  const absl::Status made = admin_.CreateTopic(plan, options_.timeout);
  if (!made.ok()) return Refused(pair.letters, made);
  Log(LogLevel::kInfo, "dead-letter topic made", {{"topic", pair.letters}});
  return WaitFor(pair, partitions);
}

// Empty where Kafka does not tell us.
absl::StatusOr<TopicConfig> DeadLetterTopics::ConfigOf(const std::string& topic) {
  auto config = DescribeNewTopicConfig(admin_, clock_, topic, options_.timeout);
  if (absl::IsPermissionDenied(config.status()) || absl::IsUnimplemented(config.status())) {
    return TopicConfig();
  }
  return config;
}

// Whoever made it: another server may have been first, and with another number of partitions.
absl::Status DeadLetterTopics::WaitFor(const Pair& pair, std::int32_t partitions) {
  const absl::Time deadline = clock_.Now() + options_.timeout;
  while (true) {
    const auto cluster = admin_.Describe(options_.timeout);
    if (!cluster.ok()) return cluster.status();
    const std::int32_t has = PartitionsOf(*cluster, pair.letters);
    if (has >= partitions) return absl::OkStatus();
    if (has > 0) return TooSmall(pair.letters, has, pair.origin, partitions);
    if (clock_.Now() >= deadline) {
      return MakeError(v1::ERROR_REASON_DEAD_LETTER_UNAVAILABLE,
                       absl::StrCat("the dead-letter topic ", pair.letters,
                                    " is there, but Kafka does not show it to this server"));
    }
    clock_.Sleep(kNewTopicPause);
  }
}

}  // namespace eventbus::bus
