#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "server/bus/acknowledge.h"

namespace eventbus::rpc {

// What an AcknowledgeRequest asks for. Errors: REQUEST_INVALID (not protobuf, or out of the bounds
// of the API: every field that is) and UNKNOWN_FIELD (at any depth). A token that is none is no
// error of the request.
absl::StatusOr<bus::Settlement<std::string>> ParseAcknowledge(absl::string_view bytes);

// The same of a request that is parsed and has no unknown field; `path` stands before the fields of
// what is wrong. Takes what it returns out of `request`.
absl::StatusOr<bus::Settlement<std::string>> ReadAcknowledge(v1::AcknowledgeRequest& request,
                                                             absl::string_view path);

// The bytes of an AcknowledgeResponse: each error with its reason in words and its token, cut at 64
// bytes. Under 3 MiB for what one request can have.
std::string AcknowledgeResponseBytes(const std::vector<bus::AckError>& errors);

}  // namespace eventbus::rpc
