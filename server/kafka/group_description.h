#pragma once

#include <string>
#include <vector>

#include "server/kafka/record.h"

namespace eventbus::kafka {

// A member of a group, of whatever program.
struct GroupMember {
  std::string member_id;
  std::string client_id;
  std::string host;
  std::vector<TopicPartition> assigned;
};

// A group as its coordinator sees it.
struct GroupDescription {
  // Kafka's words: `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty`, `Dead` (also for
  // a group that there is not), `Unknown`.
  std::string state;
  // Such as `range`; empty without members.
  std::string assignor;
  std::vector<GroupMember> members;
};

}  // namespace eventbus::kafka
