#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/kafka/admin.h"
#include "server/kafka/consumer.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/coordinator.h"
#include "tests/simulation/log.h"

namespace eventbus::simulation {

// What ties a consumer to its world, which may be done with it before its server is.
struct ConsumerLink {
  Coordinator::MemberId member = -1;  // -1: has not joined.
  bool cut = false;                   // Its process is dead: nothing that it does has an effect.
  std::function<void()> on_ready;
};

// One cluster: a log, and a group.
class WorldKafka final : public kafka::Admin, public kafka::ConsumerFactory {
 public:
  WorldKafka(const Setup& setup, WorldLog& log, Coordinator& coordinator, Checker& checker);

  // The consumer that is made for the client `name` next.
  std::shared_ptr<ConsumerLink> Expect(const std::string& name);
  // There are new records.
  void WakeAll();
  // The look-ups that follow fail, or do not.
  void SetAway(bool away) { away_ = away; }
  // They find no leader of the partition; -1: each has one.
  void SetLeaderless(int part) { leaderless_ = part; }

  // ---- The server's side.
  absl::StatusOr<kafka::ClusterMetadata> Describe(absl::Duration timeout) override;
  absl::Status CreateTopic(const kafka::NewTopic&, absl::Duration) override {
    return absl::UnimplementedError("no topics are made here");
  }
  absl::StatusOr<std::map<std::string, std::string>> DescribeTopicConfig(const std::string&,
                                                                         absl::Duration) override {
    return absl::UnimplementedError("topics have no configuration here");
  }
  absl::StatusOr<kafka::GroupDescription> DescribeGroup(const std::string&,
                                                        absl::Duration) override {
    return absl::UnimplementedError("nobody asks here");
  }
  absl::StatusOr<std::map<kafka::TopicPartition, std::int64_t>> QueryEnds(
      const std::vector<kafka::TopicPartition>&, absl::Duration) override {
    return absl::UnimplementedError("nobody asks here");
  }
  absl::StatusOr<std::unique_ptr<kafka::Consumer>> MakeConsumer(
      const std::string&, absl::AnyInvocable<void()>) override {
    return absl::UnimplementedError("there are groups alone");
  }
  absl::StatusOr<std::unique_ptr<kafka::GroupConsumer>> MakeGroupConsumer(
      const std::string& group_id, const std::string& client_id,
      absl::AnyInvocable<void()> on_ready) override;

 private:
  friend class WorldConsumer;
  bool away() const { return away_; }

  const Setup& setup_;
  WorldLog& log_;
  Coordinator& coordinator_;
  Checker& checker_;
  kafka::ClusterMetadata metadata_;
  bool away_ = false;
  int leaderless_ = -1;
  std::map<std::string, std::shared_ptr<ConsumerLink>> expected_;
  std::vector<std::weak_ptr<ConsumerLink>> links_;
};

}  // namespace eventbus::simulation
