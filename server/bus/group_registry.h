#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/mutex.h"

namespace eventbus::bus {

// The groups that have streams on this server, and the one filter that each has: a record that the
// filter of one member holds back would be committed by it and so be lost to the others. Across
// servers nobody can tell. Thread-safe.
class GroupRegistry {
 public:
  // A stream of `group` begins. GROUP_FILTER_MISMATCH where others have another filter; `filter` is
  // what Filter::Describe says.
  absl::Status Enter(const std::string& group, const std::string& filter);
  // It has left the group.
  void Leave(const std::string& group);

  // True: no stream of any group is left; false: `timeout` is over.
  bool WaitUntilEmpty(absl::Duration timeout);

 private:
  struct Members {
    std::string filter;
    int count = 0;
  };

  Mutex mu_;
  CondVar changed_;
  std::map<std::string, Members> groups_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::bus
