#pragma once

#include <string>

namespace eventbus {

// A random UUID (version 4, RFC 9562), 8-4-4-4-12 in lower case. Thread-safe.
std::string NewUuid();

}  // namespace eventbus
