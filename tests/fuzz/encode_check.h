#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "server/wire/encode.h"
#include "server/wire/plan.h"
#include "tests/reference/schema.h"

namespace eventbus::fuzz {

// Writes `event`, protobuf bytes, with the codec, and with protobuf's parser and the reference
// codec. Says where they differ, empty: nowhere. To agree is
//   - to write the same JSON, id and key; or
//   - to refuse the same fields, wherever in a Struct, Value or Timestamp the fault is; or
//   - to refuse an unknown field, or bytes that protobuf refuses.
// Where protobuf forgets an unknown field (in a oneof's member that a later one replaced, in a
// map's entry), the codec may refuse it or not.
std::string EncodeDisagreement(const reference::Schema& schema, const wire::Plan& plan,
                               absl::string_view event, wire::Rules rules);

}  // namespace eventbus::fuzz
