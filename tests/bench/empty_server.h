#pragma once

namespace eventbus::bench {

// The limit of a unary call: `Publish` as eventbus-server has it, a raw callback method, that looks
// at nothing and answers at once. Prints `listening address=<address>`, serves on a free port of
// 127.0.0.1 until SIGTERM, and returns the exit code. To be called in a process of its own.
int RunEmptyServer();

}  // namespace eventbus::bench
