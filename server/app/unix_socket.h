#pragma once

#include <string>

namespace eventbus::app {

// Whether somebody listens on the Unix socket of `address`, unix:path. gRPC does not ask: it
// removes the file, and the server that had it serves nobody any more.
bool UnixSocketInUse(const std::string& address);

}  // namespace eventbus::app
