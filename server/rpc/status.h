#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace eventbus::rpc {

// The status as clients see it: the payloads of `status` (base/error) become the details of a
// google.rpc.Status in `grpc-status-details-bin`. Both are kept small enough for a client to take:
// the message is cut at 512 bytes, and field violations are left out from the end until the details
// have at most 4 KiB, the last entry saying how many are missing.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace eventbus::rpc
