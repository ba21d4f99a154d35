#include "server/rdkafka/group_client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/rdkafka/conf.h"
#include "server/rdkafka/dispatcher.h"
#include "server/rdkafka/error.h"
#include "server/rdkafka/log.h"
#include "server/rdkafka/main_thread.h"
#include "server/rdkafka/partition_list.h"

namespace eventbus::rdkafka {
namespace {

std::string ValueIn(rd_kafka_conf_t* conf, const char* name) {
  char value[512] = "";
  std::size_t size = sizeof value;
  rd_kafka_conf_get(conf, name, value, &size);
  return value;
}

absl::Status Check(rd_kafka_error_t* error, absl::string_view what) {
  const ErrorHolder holder(error);
  if (error == nullptr) return absl::OkStatus();
  return CallError(rd_kafka_error_code(error), Access::kSubscribe, "", what,
                   rd_kafka_error_string(error));
}

// Of a commit, of which single partitions may fail.
absl::Status CommitError(rd_kafka_resp_err_t error,
                         const rd_kafka_topic_partition_list_t* offsets) {
  std::string topic;
  for (int i = 0; offsets != nullptr && i < offsets->cnt; ++i) {
    if (offsets->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    error = offsets->elems[i].err;
    topic = offsets->elems[i].topic;
  }
  return CallError(error, Access::kSubscribe, topic, "committing offsets");
}

}  // namespace

absl::StatusOr<std::unique_ptr<GroupClient>> GroupClient::Make(const ClientConfig& config,
                                                               const std::string& group_id,
                                                               const std::string& client_id) {
  absl::StatusOr<ConfHolder> conf = MakeGroupConf(config, group_id, client_id);
  if (!conf.ok()) return conf.status();
  std::string assignors = ValueIn(conf->get(), "partition.assignment.strategy");
  const bool cooperative = absl::StrContains(assignors, "cooperative");
  std::unique_ptr<GroupClient> client(new GroupClient(std::move(assignors), cooperative));
  const absl::Status status = client->Start(*std::move(conf));
  if (!status.ok()) return status;
  return client;
}

GroupClient::GroupClient(std::string assignors, bool cooperative)
    : assignors_(std::move(assignors)), cooperative_(cooperative) {}

absl::Status GroupClient::Start(ConfHolder conf) {
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_rebalance_cb(conf.get(), OnRebalance);
  rd_kafka_conf_set_error_cb(conf.get(), OnClientError);
  absl::StatusOr<ClientHolder> client = MakeClient(RD_KAFKA_CONSUMER, std::move(conf));
  if (!client.ok()) return client.status();
  client_ = *std::move(client);
  rd_kafka_poll_set_consumer(client_.get());
  queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
  records_.reset(rd_kafka_queue_new(client_.get()));
  commits_.emplace(client_.get(), queue_.get(), OnCommit);
  return absl::OkStatus();
}

GroupClient::~GroupClient() {
  if (client_ == nullptr) return;
  closing_.reset();
  records_.reset();
  queue_.reset();
  // Close has left the group, as far as it could.
  rd_kafka_destroy_flags(client_.release(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

absl::Status GroupClient::Join(const std::vector<std::string>& topics) {
  const PartitionsHolder list(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
  for (const std::string& topic : topics) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  return CallError(rd_kafka_subscribe(client_.get(), list.get()), Access::kSubscribe, "",
                   "joining the group");
}

int GroupClient::PollGroup(int max, kafka::GroupEvents& events) {
  int found = 0;
  while (found < max) {
    const auto next = NextEvent();
    if (next != events_.end()) {
      Tell(next, events);
      ++found;
    } else if (!Take(absl::ZeroDuration())) {
      break;
    }
  }
  return found;
}

// Under a cooperative assignor librdkafka may go on with an assignment before a revocation is
// answered: it takes any change for the answer, one that was made just before it was told, too.
std::deque<GroupClient::Event>::iterator GroupClient::NextEvent() {
  return std::find_if(events_.begin(), events_.end(), [this](const Event& event) {
    return !unreleased_ || event.kind != Event::Kind::kAssigned;
  });
}

bool GroupClient::Take(absl::Duration timeout) {
  const std::size_t before = events_.size();
  const MessageHolder message(
      rd_kafka_consumer_poll(client_.get(), static_cast<int>(absl::ToInt64Milliseconds(timeout))));
  if (message != nullptr) {
    const char* topic = message->rkt == nullptr ? "" : rd_kafka_topic_name(message->rkt);
    KeepError(message->err, topic, rd_kafka_message_errstr(message.get()));
  }
  return message != nullptr || events_.size() > before;
}

void GroupClient::Tell(std::deque<Event>::iterator event, kafka::GroupEvents& events) {
  Event told = std::move(*event);
  events_.erase(event);
  if (told.kind == Event::Kind::kRevoked) unreleased_ = true;
  told.tell(events);
}

void GroupClient::OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t error,
                              rd_kafka_topic_partition_list_t* partitions, void* self) {
  auto* const group = static_cast<GroupClient*>(self);
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    group->KeepAssigned(FromList(*partitions));
  } else {
    group->KeepRevoked(FromList(*partitions), rd_kafka_assignment_lost(client) != 0);
  }
}

void GroupClient::KeepAssigned(std::vector<kafka::TopicPartition> partitions) {
  awaited_ = Awaited::kAssign;
  if (leaving_) return AnswerForOwner();
  events_.push_back(
      {Event::Kind::kAssigned, [partitions = std::move(partitions)](kafka::GroupEvents& events) {
         events.OnAssigned(partitions);
       }});
}

void GroupClient::KeepRevoked(std::vector<kafka::TopicPartition> partitions, bool lost) {
  awaited_ = Awaited::kRelease;
  revoked_ = partitions;
  if (leaving_) return AnswerForOwner();
  events_.push_back({Event::Kind::kRevoked,
                     [partitions = std::move(partitions), lost](kafka::GroupEvents& events) {
                       events.OnRevoked(partitions, lost);
                     }});
}

void GroupClient::OnCommit(rd_kafka_t* client, rd_kafka_resp_err_t error,
                           rd_kafka_topic_partition_list_t* offsets, void* /*unused*/) {
  static_cast<GroupClient*>(rd_kafka_opaque(client))->KeepAnswer(CommitError(error, offsets));
}

void GroupClient::KeepAnswer(const absl::Status& status) {
  events_.push_back({Event::Kind::kOther, [this, status](kafka::GroupEvents& /*events*/) {
                       commits_->Answered(status);
                       if (releasing_ && commits_->idle()) ReleaseNow().IgnoreError();
                     }});
}

void GroupClient::OnClientError(rd_kafka_t* /*client*/, int code, const char* text, void* self) {
  static_cast<GroupClient*>(self)->KeepError(static_cast<rd_kafka_resp_err_t>(code), TopicIn(text),
                                             text);
}

void GroupClient::KeepError(rd_kafka_resp_err_t error, absl::string_view topic,
                            absl::string_view said) {
  absl::Status status;
  switch (Classify(error)) {
    case ErrorClass::kGroupProtocol:
      status = CallError(error, Access::kSubscribe, "", "joining the group",
                         absl::StrCat("this server offers the assignors ", assignors_,
                                      ", and all members of a group must have one in common; see "
                                      "partition.assignment.strategy"));
      break;
    case ErrorClass::kGroupDenied:
      status = CallError(error, Access::kSubscribe, "", "joining the group", said);
      break;
    case ErrorClass::kUnknownTopic:
    case ErrorClass::kDenied:
    case ErrorClass::kPermanent:
      status = CallError(error, Access::kSubscribe, topic, absl::StrCat("reading ", topic), said);
      break;
    default:
      if (error != RD_KAFKA_RESP_ERR__FATAL) {
        return LogLine(client_.get(), 4, rd_kafka_err2name(error), std::string(said).c_str());
      }
      status = DeadConsumerError(said);
  }
  events_.push_back(
      {Event::Kind::kOther, [status](kafka::GroupEvents& events) { events.OnGroupError(status); }});
}

absl::Status GroupClient::Assign(const std::vector<kafka::StartOffset>& positions) {
  if (awaited_ == Awaited::kAssign) awaited_ = Awaited::kNothing;
  if (cooperative_) {
    // A change would answer a revocation; after Release all is assigned again.
    while (Take(absl::ZeroDuration())) {
    }
    if (awaited_ == Awaited::kRelease) return absl::OkStatus();
    return Apply(positions_.Assign(positions));
  }
  // With none, not null: that would release partitions about to be revoked.
  const absl::Status stopped = AssignAll({});
  if (!stopped.ok()) return stopped;
  Forward(positions);
  return AssignAll(positions);
}

absl::Status GroupClient::AssignAll(const std::vector<kafka::StartOffset>& positions) {
  const PartitionsHolder list = ToStartList(positions);
  return CallError(rd_kafka_assign(client_.get(), list.get()), Access::kSubscribe, "",
                   "assigning partitions");
}

absl::Status GroupClient::Release() {
  unreleased_ = false;
  // librdkafka gives the partitions up once the commits that it has are answered; it does not know
  // of those that wait behind.
  releasing_ = !commits_->idle();
  return releasing_ ? absl::OkStatus() : ReleaseNow();
}

absl::Status GroupClient::ReleaseNow() {
  releasing_ = false;
  if (awaited_ == Awaited::kRelease) awaited_ = Awaited::kNothing;
  if (cooperative_) return Apply(positions_.Release(std::exchange(revoked_, {})));
  return CallError(rd_kafka_assign(client_.get(), nullptr), Access::kSubscribe, "",
                   "releasing partitions");
}

absl::Status GroupClient::Apply(const GroupPositions::Change& change) {
  const PartitionsHolder stop = ToList(change.stop, RD_KAFKA_OFFSET_INVALID);
  const absl::Status stopped =
      Check(rd_kafka_incremental_unassign(client_.get(), stop.get()), "releasing partitions");
  if (!stopped.ok()) return stopped;
  Forward(change.start);
  const PartitionsHolder start = ToStartList(change.start);
  return Check(rd_kafka_incremental_assign(client_.get(), start.get()), "assigning partitions");
}

void GroupClient::Forward(const std::vector<kafka::StartOffset>& positions) const {
  // A partition that stops loses its forward.
  AwaitMainThread(client_.get());
  for (const kafka::StartOffset& each : positions) {
    const QueueHolder queue(rd_kafka_queue_get_partition(
        client_.get(), each.partition.topic.c_str(), each.partition.partition));
    if (queue != nullptr) rd_kafka_queue_forward(queue.get(), records_.get());
  }
}

void GroupClient::Commit(const std::vector<kafka::GroupOffset>& offsets,
                         kafka::GroupConsumer::Done done) {
  commits_->Add(offsets, std::move(done));
}

}  // namespace eventbus::rdkafka
