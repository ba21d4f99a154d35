#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/kafka/admin.h"

namespace eventbus::bus {

// The name of the topic where `group` puts what it gives up of `topic`: `<topic>.<group>.dlq`.
// REQUEST_INVALID where Kafka has no names of that length.
absl::StatusOr<std::string> DeadLetterTopic(absl::string_view topic, absl::string_view group);

// A topic's configuration, by Kafka's names; empty: not known.
using TopicConfig = std::map<std::string, std::string>;

// The topic `name` as it is to be made for letters from a topic of `partitions` that is configured
// as `origin`: what is kept there is kept as long, 30 days at least, and whatever fits there fits
// here with the headers that are added.
kafka::NewTopic PlanDeadLetterTopic(std::string name, std::int32_t partitions,
                                    const TopicConfig& origin);

}  // namespace eventbus::bus
