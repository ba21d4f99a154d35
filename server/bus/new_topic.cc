#include "server/bus/new_topic.h"

namespace eventbus::bus {

absl::StatusOr<std::map<std::string, std::string>> DescribeNewTopicConfig(kafka::Admin& admin,
                                                                          const Clock& clock,
                                                                          const std::string& topic,
                                                                          absl::Duration timeout) {
  const absl::Time deadline = clock.Now() + timeout;
  while (true) {
    auto config = admin.DescribeTopicConfig(topic, timeout);
    if (!absl::IsNotFound(config.status()) || clock.Now() >= deadline) return config;
    clock.Sleep(kNewTopicPause);
  }
}

}  // namespace eventbus::bus
