#pragma once

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"

namespace eventbus::rpc {

// What `duration` says; also where it is none that protobuf allows, for words about it.
absl::Duration ToDuration(const google::protobuf::Duration& duration);

// Whether `duration` is one that protobuf allows, and `min` to `max`.
bool IsWithin(const google::protobuf::Duration& duration, absl::Duration min, absl::Duration max);

// The other way; to the nanosecond.
void SetDuration(absl::Duration from, google::protobuf::Duration& out);

}  // namespace eventbus::rpc
