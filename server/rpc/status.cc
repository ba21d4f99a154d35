#include "server/rpc/status.h"

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error.h"

namespace eventbus::rpc {
namespace {

// A client refuses trailers of more than 8 KiB and then has no status at all. The message is there
// twice, once with three bytes for one that is not ASCII; the details grow by a third as base64.
constexpr std::size_t kMaxDetailsBytes = 4096;

// How many of `violations` might fit, less the last: a request can have ten thousand of them.
int AtMost(const google::protobuf::RepeatedPtrField<google::rpc::BadRequest::FieldViolation>& all) {
  int kept = 0;
  std::size_t bytes = 0;
  while (kept < all.size() - 1 && bytes <= kMaxDetailsBytes) bytes += all[kept++].ByteSizeLong();
  return kept;
}

// Leaves out violations from the end until `details` fit; the last entry says how many.
void Trim(google::rpc::Status& details) {
  for (auto& detail : *details.mutable_details()) {
    google::rpc::BadRequest bad;
    if (!detail.Is<google::rpc::BadRequest>() || !detail.UnpackTo(&bad)) continue;
    auto& violations = *bad.mutable_field_violations();
    const int all = violations.size();
    for (int kept = AtMost(violations); kept >= 0 && details.ByteSizeLong() > kMaxDetailsBytes;
         --kept) {
      violations.DeleteSubrange(kept, violations.size() - kept);
      violations.Add()->set_description(absl::StrCat("and ", all - kept, " more"));
      detail.set_value(bad.SerializeAsString());
    }
  }
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message = ShortMessage(status);
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  // By the name of their type: absl::Status hands them out in an order of its own, another one in
  // each process.
  std::map<std::string, std::string> payloads;
  status.ForEachPayload([&payloads](absl::string_view type_url, const absl::Cord& payload) {
    payloads.emplace(type_url, payload);
  });
  for (auto& [type_url, payload] : payloads) {
    auto* detail = details.add_details();
    detail->set_type_url(type_url);
    detail->set_value(std::move(payload));
  }
  if (details.ByteSizeLong() > kMaxDetailsBytes) Trim(details);
  return {static_cast<grpc::StatusCode>(status.code()), message, details.SerializeAsString()};
}

}  // namespace eventbus::rpc
