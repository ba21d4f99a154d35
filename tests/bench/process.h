#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace eventbus::bench {

// Time that this process has spent on processors, all of its threads together.
absl::Duration OwnCpu();

// A server that runs as a child, so that its processor time is its own. Dies with this process.
// Not thread-safe.
class ServerProcess {
 public:
  // Starts `command` with its output in the file `log`, and returns once it says there
  // `listening address=<address>`. The error has the end of the log.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(
      const std::vector<std::string>& command, const std::string& log);

  // Kills it where it still runs.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& address() const { return address_; }

  // User and system time since its start.
  absl::Duration cpu() const;
  std::int64_t resident_bytes() const;
  int threads() const;

  // Ends it as an orchestrator does; an error unless it ends in time, with exit code 0.
  absl::Status Stop();

 private:
  ServerProcess(pid_t pid, std::string log) : pid_(pid), log_(std::move(log)) {}

  absl::Status WaitForAddress();
  // Whether it has ended, and then its status, as waitpid has it.
  bool Ended(int* status);
  absl::Status Failed(const std::string& what) const;
  std::int64_t ReadStatus(const std::string& field) const;

  // -1 once it has been waited for.
  pid_t pid_;
  const std::string log_;
  std::string address_;
};

}  // namespace eventbus::bench
