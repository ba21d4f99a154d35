#pragma once

#include "absl/strings/string_view.h"
#include "tests/reference/encode.h"
#include "tests/reference/schema.h"

namespace eventbus::reference {

// Reads `json` as an event whose family follows from its event_type, and writes it by the rules of
// Publish. A documented member that does not fit its field, other than a null that may stand there,
// is a violation; `options.path` alone is one where `json` is no event at all.
EncodeResult ReferenceEncodeJson(const Schema& schema, absl::string_view json,
                                 const EncodeOptions& options);

}  // namespace eventbus::reference
