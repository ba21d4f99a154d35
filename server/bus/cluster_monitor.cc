#include "server/bus/cluster_monitor.h"

#include <utility>

namespace eventbus::bus {
namespace {

bool SameTopics(const kafka::ClusterMetadata& a, const kafka::ClusterMetadata& b) {
  return a.topics == b.topics && a.cluster_id == b.cluster_id;
}

}  // namespace

ClusterMonitor::ClusterMonitor(kafka::Admin& admin, Executor& executor, const Clock& clock,
                               Options options)
    : admin_(admin), clock_(clock), options_(options), task_(executor) {}

ClusterMonitor::~ClusterMonitor() { Stop(); }

void ClusterMonitor::Start(OnChange on_change) {
  on_change_ = std::move(on_change);
  task_.SetBody([this] { Ask(); });
  task_.Wake();
}

void ClusterMonitor::Stop() { task_.Stop(); }

void ClusterMonitor::Ask() {
  auto answer = admin_.Describe(options_.timeout);
  bool changed = false;
  {
    MutexLock lock(mu_);
    changed = available_ != answer.ok();
    available_ = answer.ok();
    if (answer.ok() && (latest_ == nullptr || !SameTopics(*latest_, *answer))) {
      latest_ = std::make_shared<const kafka::ClusterMetadata>(*std::move(answer));
      changed = true;
    }
  }
  if (changed) on_change_(available());
  task_.WakeAt(clock_.Now() + (available() ? options_.interval : options_.retry_interval));
}

std::shared_ptr<const kafka::ClusterMetadata> ClusterMonitor::latest() const {
  MutexLock lock(mu_);
  return latest_;
}

bool ClusterMonitor::available() const {
  MutexLock lock(mu_);
  return available_;
}

}  // namespace eventbus::bus
