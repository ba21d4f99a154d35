// How a member leaves its group.
#include <utility>

#include "absl/time/clock.h"
#include "server/rdkafka/error.h"
#include "server/rdkafka/group_client.h"
#include "server/rdkafka/log.h"

namespace eventbus::rdkafka {
namespace {

// Of Close: for the commit, for that and leaving, and until a member that cannot leave is dropped
// (Kafka then finds it missing by its session).
constexpr absl::Duration kCommitPatience = absl::Seconds(4);
constexpr absl::Duration kLeavePatience = absl::Milliseconds(4500);
constexpr absl::Duration kDropPatience = absl::Seconds(15);
constexpr int kPollMilliseconds = 100;

// Nobody is there to be told.
class NoEvents final : public kafka::GroupEvents {
 public:
  void OnAssigned(const std::vector<kafka::TopicPartition>& /*partitions*/) override {}
  void OnRevoked(const std::vector<kafka::TopicPartition>& /*partitions*/, bool /*lost*/) override {
  }
  void OnGroupError(const absl::Status& /*error*/) override {}
};

}  // namespace

void GroupClient::Close(const std::vector<kafka::GroupOffset>& offsets,
                        kafka::GroupConsumer::Done done) {
  const absl::Time start = absl::Now();
  absl::Status committed;
  if (!offsets.empty()) {
    commits_->Add(offsets, [&committed](const absl::Status& status) { committed = status; });
  }
  AwaitCommits(start + kCommitPatience);
  BeginLeave();
  AwaitLeave(start + kLeavePatience);
  done(committed);
  AwaitLeave(start + kDropPatience);
}

void GroupClient::AwaitCommits(absl::Time deadline) {
  const auto tell_nobody = [this] {
    NoEvents nobody;
    while (!events_.empty()) Tell(events_.begin(), nobody);
  };
  tell_nobody();
  while (!commits_->idle() && absl::Now() < deadline) {
    Take(absl::Milliseconds(kPollMilliseconds));
    tell_nobody();
  }
  commits_->GiveUp(CallError(RD_KAFKA_RESP_ERR__TIMED_OUT, Access::kSubscribe, "",
                             "committing offsets before leaving the group"));
}

void GroupClient::AnswerForOwner() {
  const Awaited awaited = std::exchange(awaited_, Awaited::kNothing);
  absl::Status status;
  if (awaited == Awaited::kAssign) status = Assign({});
  if (awaited == Awaited::kRelease) status = ReleaseNow();
  if (!status.ok()) LogLine(client_.get(), 4, "LEAVE", std::string(status.message()).c_str());
}

void GroupClient::BeginLeave() {
  leaving_ = true;
  AnswerForOwner();
  // A rebalance that is told before librdkafka closes must be answered before, too, or it would
  // wait for the answer for ever; after unsubscribing none begins.
  rd_kafka_unsubscribe(client_.get());
  while (Take(absl::ZeroDuration())) {
  }
  closing_.reset(rd_kafka_queue_new(client_.get()));
  // Fails only for a consumer that is dead, of which the group knows already.
  const ErrorHolder ignored(rd_kafka_consumer_close_queue(client_.get(), closing_.get()));
}

void GroupClient::AwaitLeave(absl::Time deadline) {
  if (rd_kafka_fatal_error(client_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  while (rd_kafka_consumer_closed(client_.get()) == 0 && absl::Now() < deadline) {
    rd_kafka_queue_poll_callback(closing_.get(), kPollMilliseconds);
  }
}

}  // namespace eventbus::rdkafka
