#include "server/bus/group_registry.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/error.h"

namespace eventbus::bus {

absl::Status GroupRegistry::Enter(const std::string& group, const std::string& filter) {
  MutexLock lock(mu_);
  Members& members = groups_[group];
  if (members.count > 0 && members.filter != filter) {
    return MakeError(
        v1::ERROR_REASON_GROUP_FILTER_MISMATCH,
        absl::StrCat("event_types: ", filter, ", the other streams of group ", group,
                     " on this server have ", members.filter, "; a group has one filter"));
  }
  members.filter = filter;
  ++members.count;
  return absl::OkStatus();
}

void GroupRegistry::Leave(const std::string& group) {
  MutexLock lock(mu_);
  const auto found = groups_.find(group);
  if (found != groups_.end() && --found->second.count == 0) groups_.erase(found);
  changed_.NotifyAll();
}

bool GroupRegistry::WaitUntilEmpty(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  MutexLock lock(mu_);
  while (!groups_.empty() && absl::Now() < deadline) {
    changed_.WaitFor(mu_, deadline - absl::Now());
  }
  return groups_.empty();
}

}  // namespace eventbus::bus
