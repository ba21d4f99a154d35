// What Admin asks about consumer groups.
//
// Not by DescribeConsumerGroups and ListConsumerGroupOffsets: librdkafka, 2.0 as later ones, aborts
// the process where the way to a coordinator breaks while one of them waits for it (confluentinc/
// librdkafka#4605). The older rd_kafka_list_groups asks every broker.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/error.h"
#include "server/rdkafka/admin.h"
#include "server/rdkafka/embedded.h"
#include "server/rdkafka/error.h"
#include "server/rdkafka/member_assignment.h"
#include "server/rdkafka/partition_list.h"

namespace eventbus::rdkafka {
namespace {

// While a broker is down, its answer is waited for that long, and the others' count.
constexpr absl::Duration kListTimeout = absl::Seconds(3);
constexpr absl::Duration kRetryDelay = absl::Milliseconds(100);
constexpr char kNoGroup[] = "Dead";

std::string OrEmpty(const char* text) { return text == nullptr ? "" : text; }

int ToMilliseconds(absl::Duration duration) {
  return static_cast<int>(
      std::clamp<std::int64_t>(absl::ToInt64Milliseconds(duration), 1, 1 << 30));
}

kafka::GroupMember ToMember(const rd_kafka_group_member_info& from) {
  kafka::GroupMember member;
  member.member_id = OrEmpty(from.member_id);
  member.client_id = OrEmpty(from.client_id);
  member.host = OrEmpty(from.client_host);
  if (from.member_assignment != nullptr && from.member_assignment_size > 0) {
    member.assigned =
        ParseMemberAssignment({static_cast<const char*>(from.member_assignment),
                               static_cast<std::size_t>(from.member_assignment_size)});
  }
  return member;
}

kafka::GroupDescription ToGroup(const rd_kafka_group_info& from) {
  kafka::GroupDescription group{OrEmpty(from.state), OrEmpty(from.protocol), {}};
  for (int i = 0; i < from.member_cnt; ++i) group.members.push_back(ToMember(from.members[i]));
  return group;
}

// One attempt. The group that no broker has is Dead.
rd_kafka_resp_err_t AskForGroup(rd_kafka_t* client, const std::string& id, int milliseconds,
                                kafka::GroupDescription& group) {
  const rd_kafka_group_list* answer = nullptr;
  rd_kafka_resp_err_t error = rd_kafka_list_groups(client, id.c_str(), &answer, milliseconds);
  if (error == RD_KAFKA_RESP_ERR__PARTIAL) error = RD_KAFKA_RESP_ERR_NO_ERROR;  // It is in there.
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
  const GroupListHolder list(answer);
  group = {kNoGroup, "", {}};
  for (int i = 0; i < list->group_cnt; ++i) {
    if (OrEmpty(list->groups[i].group) != id) continue;
    if (list->groups[i].err == RD_KAFKA_RESP_ERR_NO_ERROR) group = ToGroup(list->groups[i]);
    return list->groups[i].err;
  }
  return error;
}

}  // namespace

absl::StatusOr<kafka::GroupDescription> Admin::DescribeGroup(const std::string& group,
                                                             absl::Duration timeout) {
  const std::string what = absl::StrCat("describing the group ", group);
  if (embedded_ != nullptr) {
    return MakeError(v1::ERROR_REASON_UNSUPPORTED,
                     absl::StrCat(what, ": the embedded Kafka cannot describe groups"));
  }
  const absl::Time deadline = absl::Now() + std::min(timeout, kListTimeout);
  while (true) {
    kafka::GroupDescription out;
    const rd_kafka_resp_err_t error =
        AskForGroup(client_.get(), group, ToMilliseconds(deadline - absl::Now()), out);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return out;
    if (Classify(error) != ErrorClass::kTransient || absl::Now() + kRetryDelay >= deadline) {
      return CallError(error, Access::kSubscribe, /*topic=*/"", what);
    }
    absl::SleepFor(kRetryDelay);
  }
}

// One request a broker.
absl::StatusOr<std::map<kafka::TopicPartition, std::int64_t>> Admin::QueryEnds(
    const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) {
  std::map<kafka::TopicPartition, std::int64_t> ends;
  if (partitions.empty()) return ends;
  const PartitionsHolder list = ToList(partitions, RD_KAFKA_OFFSET_END);
  const rd_kafka_resp_err_t error =
      rd_kafka_offsets_for_times(client_.get(), list.get(), ToMilliseconds(timeout));
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = list->elems[i];
    if (each.err != RD_KAFKA_RESP_ERR_NO_ERROR || each.offset < 0) continue;
    ends.emplace(kafka::TopicPartition{each.topic, each.partition}, each.offset);
  }
  if (!ends.empty() || error == RD_KAFKA_RESP_ERR_NO_ERROR) return ends;
  return CallError(error, Access::kSubscribe, /*topic=*/"", "looking up the ends of partitions");
}

}  // namespace eventbus::rdkafka
