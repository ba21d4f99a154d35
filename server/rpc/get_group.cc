#include "server/rpc/get_group.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "eventbus/v1/event_bus_admin_service.pb.h"
#include "server/base/error.h"
#include "server/rpc/durations.h"
#include "server/rpc/group_id.h"
#include "server/rpc/unknown_fields.h"
#include "server/wire/json_scanner.h"

namespace eventbus::rpc {
namespace {

void AddMembers(std::vector<kafka::GroupMember> members, v1::GetGroupResponse& response) {
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
    return std::tie(a.client_id, a.member_id) < std::tie(b.client_id, b.member_id);
  });
  for (kafka::GroupMember& member : members) {
    v1::GroupMember& added = *response.add_members();
    added.set_member_id(std::move(member.member_id));
    added.set_client_id(std::move(member.client_id));
    added.set_host(std::move(member.host));
    std::sort(member.assigned.begin(), member.assigned.end());
    for (const kafka::TopicPartition& partition : member.assigned) {
      v1::AssignedPartition& assigned = *added.add_assigned();
      assigned.set_topic(partition.topic);
      assigned.set_partition(partition.partition);
    }
  }
}

void SetBlockingEvent(const bus::BlockingEvent& event, absl::Time now, v1::BlockingEvent& out) {
  out.set_offset(event.offset);
  out.set_event_id(event.event_id);
  if (event.key.has_value() && wire::IsUtf8(*event.key)) out.set_ordering_key(*event.key);
  SetDuration(std::max(now - event.read_at, absl::ZeroDuration()), *out.mutable_age());
  out.set_delivery_attempt(event.attempts);
}

void SetHeld(const bus::HeldStream& stream, const std::string& host, absl::Time now,
             v1::HeldPartition& out) {
  out.set_stream_id(stream.stream_id);
  out.set_client_id(
      std::string(absl::StripPrefix(stream.client_id, absl::StrCat("eventbus/", host, "/"))));
  const bus::HeldPartition& partition = stream.partitions.front();
  out.set_blocked(partition.blocked);
  if (partition.blocking_event.has_value()) {
    SetBlockingEvent(*partition.blocking_event, now, *out.mutable_blocking_event());
  }
  out.set_outstanding(partition.outstanding);
  if (partition.careful_until.has_value()) out.set_careful_until(*partition.careful_until);
}

}  // namespace

absl::StatusOr<std::string> ParseGetGroup(absl::string_view bytes,
                                          const SubscribeDefaults& defaults) {
  v1::GetGroupRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID,
                       {{"request", "not a GetGroupRequest: its bytes are not protobuf"}});
  }
  if (absl::Status status = RefuseUnknownFields(request); !status.ok()) return status;
  std::string group = request.group().empty() ? defaults.group_id : request.group();
  std::vector<FieldViolation> violations;
  CheckGroupId(group, "group", violations);
  if (violations.empty()) return group;
  return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID, std::move(violations));
}

std::string GetGroupResponseBytes(const std::string& group, const bus::GroupReport& report,
                                  const SubscribeDefaults& defaults, absl::Time now) {
  v1::GetGroupResponse response;
  response.set_group(group);
  response.set_state(report.description.state);
  response.set_assignor(report.description.assignor);
  AddMembers(report.description.members, response);
  for (const auto& [place, partition] : report.partitions) {
    v1::GroupPartition& added = *response.add_partitions();
    added.set_topic(place.topic);
    added.set_partition(place.partition);
    if (partition.committed.has_value()) added.set_committed_offset(*partition.committed);
    if (partition.end.has_value()) added.set_end_offset(*partition.end);
    if (partition.committed.has_value() && partition.end.has_value()) {
      added.set_lag(std::max<std::int64_t>(*partition.end - *partition.committed, 0));
    }
    if (partition.held.has_value()) {
      SetHeld(*partition.held, defaults.host, now, *added.mutable_held());
    }
  }
  return response.SerializeAsString();
}

}  // namespace eventbus::rpc
