#include "server/app/provisioner.h"

#include <string>
#include <utility>

#include "server/base/log.h"
#include "server/bus/provision.h"

namespace eventbus::app {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(10);
constexpr absl::Duration kRetry = absl::Seconds(5);

void LogReport(const bus::ProvisionReport& report) {
  for (const std::string& topic : report.created) {
    Log(LogLevel::kInfo, "topic created", {{"topic", topic}});
  }
  for (const std::string& difference : report.differences) {
    Log(LogLevel::kWarning, "topic differs from the schema", {{"what", difference}});
  }
  for (const std::string& durability : report.durability) {
    Log(LogLevel::kInfo, "topic durability", {{"what", durability}});
  }
}

}  // namespace

Provisioner::Provisioner(const event::Catalog& catalog, std::int32_t replication_factor,
                         kafka::Admin& admin, Executor& executor, const Clock& clock,
                         std::function<void()> on_done)
    : catalog_(catalog),
      replication_factor_(replication_factor),
      admin_(admin),
      clock_(clock),
      on_done_(std::move(on_done)),
      task_(executor) {
  task_.SetBody([this] { Try(); });
}

void Provisioner::Try() {
  if (done_.load()) return;
  const auto report = bus::Provision(catalog_, replication_factor_, admin_, clock_, kTimeout);
  if (report.ok()) {
    LogReport(*report);
  } else {
    Log(LogLevel::kError, "topics cannot be provisioned",
        {{"reason", std::string(report.status().message())}});
    if (absl::IsUnavailable(report.status())) return task_.WakeAt(clock_.Now() + kRetry);
  }
  done_.store(true);
  on_done_();
}

}  // namespace eventbus::app
