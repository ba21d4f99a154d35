#include "server/bus/group_registry.h"

#include <utility>
#include <vector>

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

bool GroupRegistry::Keep(const std::shared_ptr<LiveStream>& member) {
  absl::optional<absl::Duration> draining;
  {
    MutexLock lock(mu_);
    if (kept_.size() >= kMostKept) return false;
    kept_[member.get()] = member;
    draining = draining_;
  }
  if (draining.has_value()) member->Drain(*draining);
  return true;
}

void GroupRegistry::Drop(const LiveStream* member) {
  std::shared_ptr<LiveStream> dropped;  // Goes after the lock.
  MutexLock lock(mu_);
  const auto found = kept_.find(member);
  if (found == kept_.end()) return;
  dropped = std::move(found->second);
  kept_.erase(found);
}

void GroupRegistry::Drain(absl::Duration remaining) {
  std::vector<std::shared_ptr<LiveStream>> members;
  {
    MutexLock lock(mu_);
    draining_ = remaining;
    for (const auto& [id, member] : kept_) members.push_back(member);
  }
  for (const auto& member : members) member->Drain(remaining);
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
