#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/rdkafka_support.h"

namespace eventbus::testing {

// A member of a group that does as the server does: it is polled when it says that it is ready, or
// after a second; it reads what it is assigned from where the group committed, or from 0; it
// commits what it has read when that is revoked.
class Member final : private kafka::GroupEvents {
 public:
  Member(kafka::ConsumerFactory& factory, const std::string& group,
         const std::vector<std::string>& topics);
  ~Member() override;

  kafka::GroupConsumer& consumer() { return *consumer_; }

  // Polls until `done`; false: `timeout` ran out.
  bool PollUntil(const std::function<bool()>& done, absl::Duration timeout = kPatience);
  // The same for members that are polled by one thread.
  static bool PollAllUntil(const std::vector<Member*>& members, const std::function<bool()>& done,
                           absl::Duration timeout = kPatience);

  // Reads all from `positions_` as they are changed.
  void MoveTo(const std::map<kafka::TopicPartition, std::int64_t>& positions);

  // Reads all but `paused`, which stay its own.
  void Pause(std::set<kafka::TopicPartition> paused);

  // Takes no records meanwhile.
  void Stall(bool stall) { stalled_ = stall; }

  // What was handed out, in order.
  std::vector<std::string> values() const;
  // What is assigned, and how far it is read.
  const std::map<kafka::TopicPartition, std::int64_t>& positions() const { return positions_; }

  absl::Status CommitAndWait(const std::vector<kafka::GroupOffset>& offsets);
  std::vector<kafka::GroupOffset> PositionsToCommit(const std::string& metadata = "") const;
  // Leaves with a commit of `offsets`, and waits until it is done.
  absl::Status LeaveAndWait(const std::vector<kafka::GroupOffset>& offsets);
  // Ends it as a broken stream does.
  void Drop() { consumer_.reset(); }

  RecordingEvents events;
  // How often it was assigned something, or nothing.
  int assignments = 0;
  int revocations = 0;
  int losses = 0;
  std::vector<absl::Status> errors;
  // The errors of its own commits.
  std::vector<absl::Status> commit_errors;
  // Run in place of the answers.
  std::function<void()> no_assign;
  std::function<void()> no_release;

 private:
  void OnAssigned(const std::vector<kafka::TopicPartition>& partitions) override;
  void OnRevoked(const std::vector<kafka::TopicPartition>& partitions, bool lost) override;
  void OnGroupError(const absl::Status& error) override { errors.push_back(error); }

  Signal ready_;
  std::unique_ptr<kafka::GroupConsumer> consumer_;
  std::map<kafka::TopicPartition, std::int64_t> positions_;
  std::set<kafka::TopicPartition> paused_;
  // Of `events.records`, how many `positions_` counts.
  std::size_t counted_ = 0;
  bool stalled_ = false;

  void Poll();
  void Count();
  void Read();
};

}  // namespace eventbus::testing
