#include "tests/bench/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <fstream>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace eventbus::bench {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(30);
constexpr absl::Duration kStopTimeout = absl::Seconds(30);
constexpr absl::Duration kPause = absl::Milliseconds(5);
constexpr std::size_t kShownOfLog = 2000;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

absl::Duration CpuOf(clockid_t clock) {
  timespec time = {};
  clock_gettime(clock, &time);
  return absl::DurationFromTimespec(time);
}

// Between fork and exec: nothing but system calls.
[[noreturn]] void Become(char* const* arguments, const char* log) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int file = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  execv(arguments[0], arguments);
  _exit(127);
}

}  // namespace

absl::Duration OwnCpu() { return CpuOf(CLOCK_PROCESS_CPUTIME_ID); }

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(
    const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  unlink(log.c_str());  // What an earlier server has said is not this one's.
  const pid_t pid = fork();
  if (pid < 0) return absl::InternalError("fork failed");
  if (pid == 0) Become(arguments.data(), log.c_str());
  std::unique_ptr<ServerProcess> process(new ServerProcess(pid, log));
  if (absl::Status status = process->WaitForAddress(); !status.ok()) return status;
  return process;
}

ServerProcess::~ServerProcess() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

absl::Duration ServerProcess::cpu() const {
  clockid_t clock = 0;
  return clock_getcpuclockid(pid_, &clock) == 0 ? CpuOf(clock) : absl::ZeroDuration();
}

std::int64_t ServerProcess::resident_bytes() const { return ReadStatus("VmRSS:") * 1024; }

int ServerProcess::threads() const { return static_cast<int>(ReadStatus("Threads:")); }

absl::Status ServerProcess::Stop() {
  kill(pid_, SIGTERM);
  const absl::Time deadline = absl::Now() + kStopTimeout;
  int status = 0;
  while (!Ended(&status)) {
    if (absl::Now() > deadline) return Failed("does not end");
    absl::SleepFor(kPause);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return Failed("ended badly");
  return absl::OkStatus();
}

absl::Status ServerProcess::WaitForAddress() {
  static constexpr char kSaid[] = "listening address=";
  const absl::Time deadline = absl::Now() + kStartTimeout;
  for (int status = 0; absl::Now() < deadline; absl::SleepFor(kPause)) {
    const bool ended = Ended(&status);
    const std::string log = ReadFile(log_);
    const std::size_t at = log.find(kSaid);
    const std::size_t end = at == std::string::npos ? at : log.find('\n', at);
    if (end != std::string::npos) {
      address_ = log.substr(at + sizeof(kSaid) - 1, end - at - (sizeof(kSaid) - 1));
      return absl::OkStatus();
    }
    if (ended) return Failed("ended");
  }
  return Failed("does not listen");
}

bool ServerProcess::Ended(int* status) {
  if (pid_ < 0) return true;
  if (waitpid(pid_, status, WNOHANG) != pid_) return false;
  pid_ = -1;
  return true;
}

absl::Status ServerProcess::Failed(const std::string& what) const {
  const std::string log = ReadFile(log_);
  const std::size_t shown = log.size() > kShownOfLog ? log.size() - kShownOfLog : 0;
  return absl::InternalError(absl::StrCat("the server ", what, "; its log:\n", log.substr(shown)));
}

std::int64_t ServerProcess::ReadStatus(const std::string& field) const {
  std::ifstream status(absl::StrCat("/proc/", pid_, "/status"));
  std::string word;
  std::int64_t value = 0;
  while (status >> word && word != field) {
  }
  status >> value;
  return value;
}

}  // namespace eventbus::bench
