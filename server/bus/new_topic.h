#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/kafka/admin.h"

namespace eventbus::bus {

// How long to wait before Kafka is asked once more whether it knows a topic that was just made.
inline constexpr absl::Duration kNewTopicPause = absl::Milliseconds(50);

// As Admin::DescribeTopicConfig, for a topic that is there: just made, it is at first unknown to a
// broker that has not heard of it yet, and is asked for again until `timeout` is over.
absl::StatusOr<std::map<std::string, std::string>> DescribeNewTopicConfig(kafka::Admin& admin,
                                                                          const Clock& clock,
                                                                          const std::string& topic,
                                                                          absl::Duration timeout);

}  // namespace eventbus::bus
