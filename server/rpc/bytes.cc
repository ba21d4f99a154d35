#include "server/rpc/bytes.h"

#include <vector>

namespace eventbus::rpc {
namespace {

// gRPC keeps a few bytes without an allocation; it frees a larger slice by deleting the reference
// that it holds.
grpc::Slice ShareSlice(const bus::Slice& part) {
  const absl::string_view view = part.view();
  if (view.size() < GRPC_SLICE_INLINED_SIZE) return {view.data(), view.size()};
  auto* reference = new bus::Bytes(part.bytes);
  return {const_cast<char*>(view.data()), view.size(),
          [](void* data) { delete static_cast<bus::Bytes*>(data); }, reference};
}

}  // namespace

RequestBytes::RequestBytes(const grpc::ByteBuffer& buffer) {
  if (!buffer.Valid() || buffer.TrySingleSlice(&slice_).ok()) return;
  if (!buffer.DumpToSingleSlice(&slice_).ok()) slice_ = grpc::Slice();
}

grpc::ByteBuffer ToByteBuffer(const bus::Message& message) {
  std::vector<grpc::Slice> slices;
  slices.reserve(message.size());
  for (const bus::Slice& part : message) slices.push_back(ShareSlice(part));
  if (slices.empty()) slices.emplace_back();
  return {slices.data(), slices.size()};
}

grpc::ByteBuffer ToByteBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

}  // namespace eventbus::rpc
