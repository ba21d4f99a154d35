#include "server/app/unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/strip.h"

namespace eventbus::app {

bool UnixSocketInUse(const std::string& address) {
  absl::string_view path = address;
  if (!absl::ConsumePrefix(&path, "unix:")) return false;
  absl::ConsumePrefix(&path, "//");
  sockaddr_un socket_address{};
  socket_address.sun_family = AF_UNIX;
  if (path.size() >= sizeof socket_address.sun_path) return false;  // gRPC will say so.
  std::memcpy(socket_address.sun_path, path.data(), path.size());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return false;
  const bool answered = connect(socket, reinterpret_cast<const sockaddr*>(&socket_address),
                                sizeof socket_address) == 0 ||
                        errno == EAGAIN;  // Its backlog is full.
  close(socket);
  return answered;
}

}  // namespace eventbus::app
