#include "server/rpc/status.h"

#include <map>
#include <string>

#include "absl/strings/cord.h"
#include "google/rpc/status.pb.h"

namespace eventbus::rpc {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(std::string(status.message()));
  // By the name of their type: absl::Status hands them out in an order of its own, another one in
  // each process.
  std::map<std::string, std::string> payloads;
  status.ForEachPayload([&payloads](absl::string_view type_url, const absl::Cord& payload) {
    payloads.emplace(type_url, payload);
  });
  for (const auto& [type_url, payload] : payloads) {
    auto* detail = details.add_details();
    detail->set_type_url(type_url);
    detail->set_value(payload);
  }
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
          details.SerializeAsString()};
}

}  // namespace eventbus::rpc
