#include "server/rdkafka/look_ups.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/error.h"
#include "server/rdkafka/handles.h"
#include "server/rdkafka/partition_list.h"

namespace eventbus::rdkafka {
namespace {

constexpr absl::Duration kRetryDelay = absl::Milliseconds(100);
constexpr absl::Duration kElectionPatience = absl::Seconds(1);

// Milliseconds left, at least one.
int Remaining(absl::Time deadline) {
  const std::int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
  return static_cast<int>(std::clamp<std::int64_t>(left, 1, 1 << 30));
}

bool IsLeaderless(const rd_kafka_topic_partition_t& partition) {
  return partition.err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

bool HasLeaderless(const rd_kafka_topic_partition_list_t& list) {
  return std::any_of(list.elems, list.elems + list.cnt, IsLeaderless);
}

kafka::GroupOffset ToGroupOffset(const rd_kafka_topic_partition_t& from) {
  kafka::GroupOffset out;
  out.partition = {from.topic, from.partition};
  out.offset = std::max<std::int64_t>(from.offset, -1);
  // Not always terminated by a NUL.
  if (from.metadata != nullptr) {
    out.metadata.assign(static_cast<const char*>(from.metadata), from.metadata_size);
  }
  return out;
}

}  // namespace

absl::Status LookUps::CheckTopic(const std::string& topic) const {
  if (embedded_ == nullptr || embedded_->HasTopic(topic)) return absl::OkStatus();
  return CallError(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, Access::kSubscribe, topic,
                   absl::StrCat("reading ", topic));
}

std::int64_t LookUps::CachedEnd(const kafka::TopicPartition& partition) const {
  std::int64_t begin = -1;
  std::int64_t end = -1;
  rd_kafka_get_watermark_offsets(client_, partition.topic.c_str(), partition.partition, &begin,
                                 &end);
  return std::max<std::int64_t>(end, -1);
}

absl::StatusOr<std::vector<kafka::Watermarks>> LookUps::Watermarks(
    const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout,
    Leaderless leaderless) const {
  const absl::Time deadline = absl::Now() + timeout;
  // Kafka knows the ends as times of their own, and of the end what read_committed shows.
  const auto begins = ListOffsets(partitions, RD_KAFKA_OFFSET_BEGINNING, deadline, leaderless);
  if (!begins.ok()) return begins.status();
  const auto ends = ListOffsets(partitions, RD_KAFKA_OFFSET_END, deadline, leaderless);
  if (!ends.ok()) return ends.status();
  std::vector<kafka::Watermarks> out;
  out.reserve(partitions.size());
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const bool both = (*begins)[i] >= 0 && (*ends)[i] >= 0;  // It may have lost its leader between.
    out.push_back(both ? kafka::Watermarks{(*begins)[i], (*ends)[i]} : kafka::Watermarks{-1, -1});
  }
  return out;
}

absl::StatusOr<std::vector<std::int64_t>> LookUps::OffsetsForTime(
    const std::vector<kafka::TopicPartition>& partitions, absl::Time time,
    absl::Duration timeout) const {
  if (embedded_ != nullptr) {
    return MakeError(v1::ERROR_REASON_UNSUPPORTED,
                     "the embedded Kafka cannot look up positions by time");
  }
  // Below zero are the logical times.
  const std::int64_t milliseconds = std::max<std::int64_t>(absl::ToUnixMillis(time), 0);
  return ListOffsets(partitions, milliseconds, absl::Now() + timeout);
}

absl::StatusOr<std::vector<std::int64_t>> LookUps::ListOffsets(
    const std::vector<kafka::TopicPartition>& partitions, std::int64_t time, absl::Time deadline,
    Leaderless leaderless) const {
  std::vector<std::int64_t> out;
  if (partitions.empty()) return out;
  for (const kafka::TopicPartition& each : partitions) {
    if (const absl::Status status = CheckTopic(each.topic); !status.ok()) return status;
  }
  // An election is over by then.
  const absl::Time pass_over_at = leaderless == Leaderless::kPassedOver
                                      ? absl::Now() + kElectionPatience
                                      : absl::InfiniteFuture();
  const Failure failure = Persist(
      [&](int milliseconds) {
        const PartitionsHolder list = ToList(partitions, time);
        Failure found{rd_kafka_offsets_for_times(client_, list.get(), milliseconds), 0};
        // So it says where none of them has a leader: then each has its own error.
        if (found.error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && HasLeaderless(*list)) {
          found.error = RD_KAFKA_RESP_ERR_NO_ERROR;
        }
        if (absl::Now() < pass_over_at) LookForLeaders(*list, deadline);
        out.clear();
        for (int i = 0; found.error == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; ++i) {
          const rd_kafka_topic_partition_t& each = list->elems[i];
          if (IsLeaderless(each) && absl::Now() >= pass_over_at) {
            out.push_back(-1);
            continue;
          }
          found = {each.err, static_cast<std::size_t>(i)};
          out.push_back(std::max<std::int64_t>(each.offset, -1));
        }
        return found;
      },
      deadline);
  if (failure.error == RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  return Explain(failure, "looking up offsets of ", partitions, deadline);
}

absl::StatusOr<std::vector<kafka::GroupOffset>> LookUps::Committed(
    const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) const {
  const absl::Time deadline = absl::Now() + timeout;
  std::vector<kafka::GroupOffset> out;
  if (partitions.empty()) return out;
  const Failure failure = Persist(
      [&](int milliseconds) {
        const PartitionsHolder list = ToList(partitions, RD_KAFKA_OFFSET_INVALID);
        Failure found{rd_kafka_committed(client_, list.get(), milliseconds), 0};
        out.clear();
        for (int i = 0; found.error == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; ++i) {
          found = {list->elems[i].err, static_cast<std::size_t>(i)};
          out.push_back(ToGroupOffset(list->elems[i]));
        }
        return found;
      },
      deadline);
  if (failure.error == RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  return Explain(failure, "looking up committed offsets of ", partitions, deadline);
}

LookUps::Failure LookUps::Persist(Attempt attempt, absl::Time deadline) {
  while (true) {
    const Failure failure = attempt(Remaining(deadline));
    // Leaders and coordinators that move, connections that break.
    const bool again =
        Classify(failure.error) == ErrorClass::kTransient && absl::Now() + kRetryDelay < deadline;
    if (!again) return failure;
    absl::SleepFor(kRetryDelay);
  }
}

absl::Status LookUps::Explain(const Failure& failure, absl::string_view what,
                              const std::vector<kafka::TopicPartition>& partitions,
                              absl::Time deadline) const {
  const kafka::TopicPartition& partition = partitions[failure.index];
  rd_kafka_resp_err_t error = failure.error;
  if (Classify(error) == ErrorClass::kUnknownTopic) {
    const rd_kafka_resp_err_t said = AskAbout(partition.topic, deadline);
    if (Classify(said) == ErrorClass::kDenied) error = said;
  }
  return CallError(error, Access::kSubscribe, partition.topic,
                   absl::StrCat(what, partition.topic, " partition ", partition.partition));
}

// For the next attempt: that a partition has no leader, librdkafka does not ask again by itself.
void LookUps::LookForLeaders(const rd_kafka_topic_partition_list_t& partitions,
                             absl::Time deadline) const {
  std::set<std::string> topics;
  for (int i = 0; i < partitions.cnt; ++i) {
    if (IsLeaderless(partitions.elems[i])) topics.insert(partitions.elems[i].topic);
  }
  for (const std::string& topic : topics) AskAbout(topic, deadline);
}

rd_kafka_resp_err_t LookUps::AskAbout(const std::string& topic, absl::Time deadline) const {
  const TopicHolder handle(rd_kafka_topic_new(client_, topic.c_str(), nullptr));
  if (handle == nullptr) return RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
  const rd_kafka_metadata_t* answer = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(client_, /*all_topics=*/0, handle.get(), &answer, Remaining(deadline));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
  const MetadataHolder metadata(answer);
  return metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_NO_ERROR;
}

}  // namespace eventbus::rdkafka
