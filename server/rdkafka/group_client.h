#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/kafka/consumer.h"
#include "server/rdkafka/config.h"
#include "server/rdkafka/group_commits.h"
#include "server/rdkafka/group_positions.h"
#include "server/rdkafka/handles.h"

namespace eventbus::rdkafka {

// A librdkafka consumer that is a member of a group, and what its callbacks tell: a GroupConsumer
// without its look-ups, which ends on a thread of its own.
//
// There are two queues. Rebalances, answers to commits and errors come by librdkafka's own. Each
// partition that is read is forwarded to `records`, so that records which nobody takes hold up
// nothing: they fill the prefetch, and librdkafka stops to fetch.
//
// One thread at a time; it moves to another with Close.
class GroupClient {
 public:
  static absl::StatusOr<std::unique_ptr<GroupClient>> Make(const ClientConfig& config,
                                                           const std::string& group_id,
                                                           const std::string& client_id);
  ~GroupClient();

  rd_kafka_t* get() const { return client_.get(); }
  rd_kafka_queue_t* queue() const { return queue_.get(); }
  rd_kafka_queue_t* records() const { return records_.get(); }
  // Null with an eager assignor, which gives and takes all partitions at once.
  GroupPositions* positions() { return cooperative_ ? &positions_ : nullptr; }

  // As kafka::GroupConsumer has them.
  absl::Status Join(const std::vector<std::string>& topics);
  int PollGroup(int max, kafka::GroupEvents& events);
  absl::Status Assign(const std::vector<kafka::StartOffset>& positions);
  absl::Status Release();
  void Commit(const std::vector<kafka::GroupOffset>& offsets, kafka::GroupConsumer::Done done);

  // Destroys what Commit was given and did not run yet.
  void DropCommits() { commits_->Drop(); }

  // Commits `offsets`, if there are any, and leaves the group; `done` is run when that is done, or
  // when its time is over. Blocks longer only where Kafka is away. Nothing but the destructor may
  // follow.
  void Close(const std::vector<kafka::GroupOffset>& offsets, kafka::GroupConsumer::Done done);

 private:
  // The answer that librdkafka waits for.
  enum class Awaited { kNothing, kAssign, kRelease };
  // What a callback found, told once librdkafka has returned.
  struct Event {
    enum class Kind { kAssigned, kRevoked, kOther };
    Kind kind = Kind::kOther;
    absl::AnyInvocable<void(kafka::GroupEvents&)> tell;
  };

  GroupClient(std::string assignors, bool cooperative);
  absl::Status Start(ConfHolder conf);

  // librdkafka's callbacks, called within its polls.
  static void OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t error,
                          rd_kafka_topic_partition_list_t* partitions, void* self);
  static void OnCommit(rd_kafka_t* client, rd_kafka_resp_err_t error,
                       rd_kafka_topic_partition_list_t* offsets, void* unused);
  static void OnClientError(rd_kafka_t* client, int code, const char* text, void* self);

  void KeepAssigned(std::vector<kafka::TopicPartition> partitions);
  void KeepRevoked(std::vector<kafka::TopicPartition> partitions, bool lost);
  void KeepAnswer(const absl::Status& status);
  void KeepError(rd_kafka_resp_err_t error, absl::string_view topic, absl::string_view said);

  // Takes what is on librdkafka's queue; waits for the first up to `timeout`. False: nothing was.
  bool Take(absl::Duration timeout);
  // The next that may be told; the end: there is none.
  std::deque<Event>::iterator NextEvent();
  void Tell(std::deque<Event>::iterator event, kafka::GroupEvents& events);

  absl::Status ReleaseNow();
  // Changes what is read, where the assignor is cooperative.
  absl::Status Apply(const GroupPositions::Change& change);
  // The same where it is eager: everything at once.
  absl::Status AssignAll(const std::vector<kafka::StartOffset>& positions);
  // Sends what will be read to `records_`. Between what stops and what starts.
  void Forward(const std::vector<kafka::StartOffset>& positions) const;

  // Answers a rebalance for an owner who is gone.
  void AnswerForOwner();
  void AwaitCommits(absl::Time deadline);
  void BeginLeave();
  void AwaitLeave(absl::Time deadline);

  // For the error that says that they do not suit.
  const std::string assignors_;
  const bool cooperative_;
  ClientHolder client_;
  QueueHolder queue_;
  QueueHolder records_;
  // Takes the place of `queue_` in BeginLeave.
  QueueHolder closing_;
  std::optional<GroupCommits> commits_;
  GroupPositions positions_;
  std::deque<Event> events_;

  Awaited awaited_ = Awaited::kNothing;
  // A revocation was told, and Release has not been called yet.
  bool unreleased_ = false;
  std::vector<kafka::TopicPartition> revoked_;
  // Release was called, and commits are under way.
  bool releasing_ = false;
  // Close was called and its commit is done with: rebalances are answered at once.
  bool leaving_ = false;
};

}  // namespace eventbus::rdkafka
