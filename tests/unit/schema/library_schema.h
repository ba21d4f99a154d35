#pragma once

#include "google/protobuf/descriptor.h"

namespace eventbus::testing {

// The documented schema and a sixth topic, `library-events`, loaded from the set that protoc wrote,
// as a server is given one. Lives for ever.
const google::protobuf::DescriptorPool& LibraryPool();

}  // namespace eventbus::testing
