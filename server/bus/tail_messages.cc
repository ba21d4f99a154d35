#include "server/bus/tail_messages.h"

#include <algorithm>
#include <memory>

#include "eventbus/v1/event_bus_service.pb.h"

namespace eventbus::bus {
namespace {

Message Serialize(const v1::SubscribeResponse& response) {
  return {std::make_shared<const std::string>(response.SerializeAsString())};
}

std::string Token(const std::string& cluster_id, const Cursors& cursors) {
  if (cluster_id.empty()) return "";
  return FormatResumeToken(cursors.Token(cluster_id));
}

void SetDuration(absl::Duration from, google::protobuf::Duration& to) {
  to.set_seconds(absl::IDivDuration(from, absl::Seconds(1), &from));
  to.set_nanos(static_cast<std::int32_t>(absl::ToInt64Nanoseconds(from)));
}

template <typename HasAssigned>
void AddAssigned(const Cursors& cursors, HasAssigned& message) {
  for (const Cursors::Cursor& cursor : cursors.all()) {
    v1::Position& position = *message.add_assigned();
    position.set_topic(cursor.partition.topic);
    position.set_partition(cursor.partition.partition);
    position.set_offset(cursor.delivered);
  }
}

}  // namespace

Message StartedMessage(const std::string& stream_id, const std::string& cluster_id,
                       const Cursors& cursors) {
  v1::SubscribeResponse response;
  v1::Started& started = *response.mutable_started();
  started.set_stream_id(stream_id);
  started.set_resume_token(Token(cluster_id, cursors));
  AddAssigned(cursors, started);
  return Serialize(response);
}

Message AssignmentMessage(const Cursors& cursors) {
  v1::SubscribeResponse response;
  AddAssigned(cursors, *response.mutable_assignment());
  return Serialize(response);
}

Message HeartbeatMessage(const std::string& cluster_id, const Cursors& cursors,
                         const Unsettled& unsettled) {
  v1::SubscribeResponse response;
  v1::Heartbeat& heartbeat = *response.mutable_heartbeat();
  heartbeat.set_resume_token(Token(cluster_id, cursors));
  if (unsettled.oldest.has_value()) {
    SetDuration(*unsettled.oldest, *heartbeat.mutable_oldest_unacknowledged());
  }
  for (const HeldPart& held : unsettled.blocked) {
    v1::BlockedPartition& blocked = *heartbeat.add_blocked();
    blocked.set_topic(held.partition.topic);
    blocked.set_partition(held.partition.partition);
    blocked.set_offset(held.first->record.view().offset);
    blocked.set_reason(held.blocked);
    SetDuration(unsettled.now - held.blocked_since, *blocked.mutable_since());
  }
  for (const Cursors::Cursor& cursor : cursors.all()) {
    v1::PartitionLag& lag = *heartbeat.add_lags();
    lag.set_topic(cursor.partition.topic);
    lag.set_partition(cursor.partition.partition);
    lag.set_lag(std::max<std::int64_t>(0, cursor.end - cursor.delivered));
  }
  return Serialize(response);
}

Message CaughtUpMessage(const std::string& cluster_id, const Cursors& cursors) {
  v1::SubscribeResponse response;
  response.mutable_caught_up()->set_resume_token(Token(cluster_id, cursors));
  return Serialize(response);
}

Message GapMessage(const Lost& lost) {
  v1::SubscribeResponse response;
  v1::Gap& gap = *response.mutable_gap();
  gap.set_topic(lost.partition.topic);
  gap.set_partition(lost.partition.partition);
  gap.set_first_offset(lost.first_offset);
  gap.set_next_offset(lost.next_offset);
  gap.set_cause(static_cast<v1::GapCause>(lost.cause));
  return Serialize(response);
}

Message DrainingMessage(absl::Duration remaining) {
  v1::SubscribeResponse response;
  SetDuration(remaining, *response.mutable_draining()->mutable_remaining());
  return Serialize(response);
}

}  // namespace eventbus::bus
