#pragma once

#include <string>
#include <vector>

#include "grpcpp/health_check_service_interface.h"
#include "server/base/mutex.h"

namespace eventbus::app {

// grpc.health.v1.Health for each service and for the whole server (""). NOT_SERVING until told
// otherwise, and for ever once shut down. Thread-safe.
class Health {
 public:
  // `health` may be null: then nothing is told. Every name must be set, or gRPC's default service
  // answers NOT_FOUND.
  Health(grpc::HealthCheckServiceInterface* health, std::vector<std::string> services);

  void SetServing(bool serving);
  void ShutDown();

 private:
  void Tell(bool serving) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  grpc::HealthCheckServiceInterface* const health_;
  const std::vector<std::string> services_;
  Mutex mu_;
  bool shut_down_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace eventbus::app
