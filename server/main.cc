// eventbus-server: environment and flags -> options -> a server, until a signal.
#include <cstdlib>
#include <iostream>

#include "absl/synchronization/mutex.h"
#include "eventbus/events/v1/event.pb.h"
#include "server/app/options.h"
#include "server/app/server.h"
#include "server/app/signals.h"
#include "server/base/log.h"

namespace {

eventbus::LogLevel LevelOf(const std::string& name) {
  if (name == "debug") return eventbus::LogLevel::kDebug;
  if (name == "warning") return eventbus::LogLevel::kWarning;
  return name == "error" ? eventbus::LogLevel::kError : eventbus::LogLevel::kInfo;
}

int Run(const eventbus::app::Options& options, const eventbus::app::Signals& signals) {
  const auto* schema = eventbus::events::v1::Event::descriptor()->file()->pool();
  auto server = eventbus::app::Server::Start(options, *schema);
  if (!server.ok()) {
    std::cerr << "eventbus-server: " << server.status().message() << "\n";
    return EXIT_FAILURE;
  }
  signals.Wait();
  signals.ExitOnNext();
  return (*server)->Drain() ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  // Debian builds Abseil with a deadlock detector that is fatal, and gRPC locks through it.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const eventbus::app::Signals signals;
  const auto parsed = eventbus::app::ParseOptions(argc, argv);
  if (parsed.exit) return parsed.exit_code;
  eventbus::SetUpLog(LevelOf(parsed.options.log_level));
  return Run(parsed.options, signals);
}
