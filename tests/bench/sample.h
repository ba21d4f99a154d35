#pragma once

#include <string>
#include <vector>

#include "grpcpp/support/byte_buffer.h"

namespace eventbus::bench {

// The topic of every case.
inline constexpr char kTopic[] = "document-events";

// One event in the forms that it has on its way: `document.uploaded` with each field set, so that
// the server has nothing to assign.
struct Sample {
  // The record's, as Publish writes it.
  std::string key;
  std::string json;
  // The `eventbus.v1.PublishRequest`.
  std::string request;
  // Of its event, in bytes.
  std::size_t protobuf_size = 0;
};

// As many as fill all partitions evenly; they differ in their document. Live for ever.
const std::vector<Sample>& Samples();

// Their requests, as `Publish` takes them.
std::vector<grpc::ByteBuffer> UnaryRequests();

// Messages of `events` requests each, as `PublishBatch` and `PublishStream` take them.
std::vector<grpc::ByteBuffer> BatchRequests(int events);

grpc::ByteBuffer ToByteBuffer(const std::string& bytes);

}  // namespace eventbus::bench
