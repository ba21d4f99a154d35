#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/base/mutex.h"
#include "server/bus/stream.h"

namespace eventbus::bus {

// The members of groups that live on this server: the groups that have streams on this server, and
// the one filter that each has: a record that the filter of one member holds back would be
// committed by it and so be lost to the others. Across servers nobody can tell. Thread-safe.
class GroupRegistry {
 public:
  // A stream of `group` begins. GROUP_FILTER_MISMATCH where others have another filter; `filter` is
  // what Filter::Describe says.
  absl::Status Enter(const std::string& group, const std::string& filter);
  // It has left the group.
  void Leave(const std::string& group);

  // Each has threads and connections of its own, and no stream that counts for it.
  static constexpr std::size_t kMostKept = 100;

  // A member whose stream has ended, and which stays until what was delivered is settled: kept
  // until Drop. Drained at once where Drain has been called. False: too many are kept already.
  bool Keep(const std::shared_ptr<LiveStream>& member);
  void Drop(const LiveStream* member);
  // Drains those that are kept, and those that come.
  void Drain(absl::Duration remaining);
  // True: no member of any group is left; false: `timeout` is over.
  bool WaitUntilEmpty(absl::Duration timeout);

 private:
  struct Members {
    std::string filter;
    int count = 0;
  };

  Mutex mu_;
  CondVar changed_;
  std::map<std::string, Members> groups_ ABSL_GUARDED_BY(mu_);
  absl::optional<absl::Duration> draining_ ABSL_GUARDED_BY(mu_);
  // Last: what is kept leaves.
  std::map<const LiveStream*, std::shared_ptr<LiveStream>> kept_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::bus
