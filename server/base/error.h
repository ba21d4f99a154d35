#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "eventbus/v1/errors.pb.h"

namespace eventbus {

using v1::ErrorReason;

// One thing that is wrong with a request.
struct FieldViolation {
  // Path from the request, such as `event.document.document_id`.
  std::string field;
  // What was, and what is allowed.
  std::string description;

  bool operator==(const FieldViolation&) const = default;
};

// What an error says beyond its code and message.
struct ErrorDetails {
  ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
  std::vector<FieldViolation> violations;
  // When to try again.
  std::optional<absl::Duration> retry_delay;
  // The topic that is missing or denied; empty: none.
  std::string topic;
};

// Errors of this project are an absl::Status with google.rpc details as payloads (`ErrorInfo`,
// domain `eventbus`; `BadRequest`; `RetryInfo`; `ResourceInfo`), each under its type URL.
// rpc/status hands them to the client as they are. The code follows from the reason, as
// errors.proto says.
absl::Status MakeError(const ErrorDetails& details, absl::string_view message);
absl::Status MakeError(ErrorReason reason, absl::string_view message);

// The same with a time to try again: after a second, or two for SERVER_DRAINING, by when this
// server no longer answers.
absl::Status MakeRetryError(ErrorReason reason, absl::string_view message);

// `EVENT_INVALID`, `REQUEST_INVALID` or `UNKNOWN_FIELD` with every violation; the message names the
// first. `violations` must not be empty.
absl::Status MakeInvalid(ErrorReason reason, std::vector<FieldViolation> violations);

// What MakeError put into `status`; a reason of `UNSPECIFIED` where it did not make it.
ErrorDetails GetErrorDetails(const absl::Status& status);

// What a client is told in words at most.
constexpr std::size_t kMaxMessageBytes = 512;

// The beginning of the message of `status`, at most kMaxMessageBytes, not cut within a character of
// UTF-8; `...` where something is missing.
std::string ShortMessage(const absl::Status& status);

// The code that goes with `reason`.
absl::StatusCode CodeOf(ErrorReason reason);

// The reason's name as clients see it: `EVENT_INVALID`.
std::string ReasonName(ErrorReason reason);

}  // namespace eventbus
