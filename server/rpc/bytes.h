#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/bus/stream.h"

namespace eventbus::rpc {

// The bytes of a request in one piece; copied only where gRPC has them in several.
class RequestBytes {
 public:
  explicit RequestBytes(const grpc::ByteBuffer& buffer);

  absl::string_view view() const {
    return {reinterpret_cast<const char*>(slice_.begin()), slice_.size()};
  }

 private:
  grpc::Slice slice_;
};

// A buffer that shares the parts of `message` and copies none of them. Never empty: gRPC aborts the
// process on a write of no buffer at all.
grpc::ByteBuffer ToByteBuffer(const bus::Message& message);
grpc::ByteBuffer ToByteBuffer(const std::string& bytes);

}  // namespace eventbus::rpc
