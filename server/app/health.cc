#include "server/app/health.h"

#include <utility>

namespace eventbus::app {

Health::Health(grpc::HealthCheckServiceInterface* health, std::vector<std::string> services)
    : health_(health), services_(std::move(services)) {
  MutexLock lock(mu_);
  Tell(false);
}

void Health::SetServing(bool serving) {
  MutexLock lock(mu_);
  if (!shut_down_) Tell(serving);
}

void Health::ShutDown() {
  MutexLock lock(mu_);
  shut_down_ = true;
  Tell(false);
}

void Health::Tell(bool serving) {
  if (health_ == nullptr) return;
  health_->SetServingStatus("", serving);
  for (const std::string& service : services_) health_->SetServingStatus(service, serving);
}

}  // namespace eventbus::app
