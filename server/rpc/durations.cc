#include "server/rpc/durations.h"

namespace eventbus::rpc {
namespace {

constexpr int kNanosPerSecond = 1'000'000'000;

bool IsAllowed(const google::protobuf::Duration& duration) {
  const bool same_sign = (duration.seconds() <= 0 && duration.nanos() <= 0) ||
                         (duration.seconds() >= 0 && duration.nanos() >= 0);
  return same_sign && duration.nanos() > -kNanosPerSecond && duration.nanos() < kNanosPerSecond;
}

}  // namespace

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

bool IsWithin(const google::protobuf::Duration& duration, absl::Duration min, absl::Duration max) {
  const absl::Duration said = ToDuration(duration);
  return IsAllowed(duration) && min <= said && said <= max;
}

void SetDuration(absl::Duration from, google::protobuf::Duration& out) {
  out.set_seconds(absl::IDivDuration(from, absl::Seconds(1), &from));
  out.set_nanos(static_cast<int>(absl::ToInt64Nanoseconds(from)));
}

}  // namespace eventbus::rpc
