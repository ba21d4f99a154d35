#pragma once

#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"
#include "tests/fakes/schema.h"

namespace eventbus::rpc {

// The reason in the details of a call's status; empty where it has none.
inline std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status rich;
  if (!rich.ParseFromString(status.error_details())) return "";
  for (const auto& any : rich.details()) {
    google::rpc::ErrorInfo info;
    if (any.UnpackTo(&info)) return info.reason();
  }
  return "";
}

// A message of the documents `first` to `last`.
template <typename Message>
Message Documents(int first, int last) {
  Message message;
  for (int i = first; i <= last; ++i) message.add_requests()->set_json(fakes::DocumentJson(i));
  return message;
}

}  // namespace eventbus::rpc
