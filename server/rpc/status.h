#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace eventbus::rpc {

// The status as clients see it: the payloads of `status` (base/error) become the details of a
// google.rpc.Status in `grpc-status-details-bin`.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace eventbus::rpc
