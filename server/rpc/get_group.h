#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/bus/group_report.h"
#include "server/rpc/requests.h"

namespace eventbus::rpc {

// The group that a GetGroupRequest asks for. Errors: REQUEST_INVALID (not protobuf, or no group's
// id) and UNKNOWN_FIELD.
absl::StatusOr<std::string> ParseGetGroup(absl::string_view bytes,
                                          const SubscribeDefaults& defaults);

// The bytes of a GetGroupResponse, at the time `now`. Of a stream's client id the host of this
// server is left out, as the client gave it. Pure.
std::string GetGroupResponseBytes(const std::string& group, const bus::GroupReport& report,
                                  const SubscribeDefaults& defaults, absl::Time now);

}  // namespace eventbus::rpc
