#include "server/rdkafka/group_commits.h"

#include <utility>

#include "server/rdkafka/partition_list.h"

namespace eventbus::rdkafka {

void GroupCommits::Add(const std::vector<kafka::GroupOffset>& offsets,
                       kafka::GroupConsumer::Done done) {
  commits_.push_back({offsets, std::move(done)});
  if (commits_.size() == 1) Send();
}

void GroupCommits::Send() {
  const PartitionsHolder list = ToCommitList(commits_.front().offsets);
  // Fails only without a group.
  rd_kafka_commit_queue(client_, list.get(), queue_, callback_, nullptr);
}

void GroupCommits::Answered(const absl::Status& status) {
  // Given up.
  if (commits_.empty()) return;
  Commit commit = std::move(commits_.front());
  commits_.pop_front();
  if (!commits_.empty()) Send();
  commit.done(status);
}

void GroupCommits::GiveUp(const absl::Status& status) {
  for (Commit& each : std::exchange(commits_, {})) each.done(status);
}

}  // namespace eventbus::rdkafka
