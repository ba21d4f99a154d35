#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/bus/acknowledge.h"

namespace eventbus::rpc {

// The tokens of an AcknowledgeRequest. Errors: REQUEST_INVALID (not protobuf, or not 1-10,000
// tokens) and UNKNOWN_FIELD (at any depth). A token that is none is no error of the request.
absl::StatusOr<std::vector<std::string>> ParseAcknowledge(absl::string_view bytes);

// The bytes of an AcknowledgeResponse: each error with its reason in words and its token, cut at 64
// bytes. Under 3 MiB for what one request can have.
std::string AcknowledgeResponseBytes(const std::vector<bus::AckError>& errors);

}  // namespace eventbus::rpc
