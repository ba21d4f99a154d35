#pragma once

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace eventbus::rpc {

// UNKNOWN_FIELD, with the path of every message in `message`, itself included, that has a field its
// descriptor does not; else OK.
absl::Status RefuseUnknownFields(const google::protobuf::Message& message);

}  // namespace eventbus::rpc
