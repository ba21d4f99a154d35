#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/wire/encode.h"
#include "server/wire/message_encode.h"

namespace eventbus::wire {

// As EncodeEvent, with violations that speak of what the event was made from. Keeps buffers per
// thread: what `options` calls back must not encode.
absl::StatusOr<Encoded> EncodeFrom(Source source, const Plan& plan, absl::string_view event,
                                   const EncodeOptions& options);

}  // namespace eventbus::wire
