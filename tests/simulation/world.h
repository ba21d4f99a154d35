#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/checker.h"
#include "tests/simulation/coordinator.h"
#include "tests/simulation/kafka.h"
#include "tests/simulation/legacy.h"
#include "tests/simulation/log.h"
#include "tests/simulation/schedule.h"
#include "tests/simulation/server.h"

namespace eventbus::simulation {

// Kafka, servers of one group and their clients. What happens is what the steps say, and nothing
// else: no thread, no socket, no time but its own. One thread at a time.
class World {
 public:
  explicit World(const Setup& setup, bool trace = false);
  ~World();

  void Do(const Step& step);
  // No fault any more: every client reads and settles what it gets, until all is settled.
  void Finish();

  const std::string& verdict() const { return checker_.verdict(); }
  const Counts& counts() const { return checker_.counts(); }

 private:
  WorldServer& ServerOf(std::uint32_t turn) { return *servers_[turn % servers_.size()]; }
  // One of those whose stream is not over, and its server; null: there is none.
  Client* ClientOf(std::uint32_t turn, WorldServer** server);

  void Flow();
  bool FlowOnce();
  bool ReadAll(WorldServer& server);
  void Read(WorldServer& server, Client& client, Random& random);
  void Network(std::uint32_t turn, Random& random);
  void Advance(Random& random);
  void Pass(absl::Duration time);
  void Connect(std::uint32_t turn);
  void Crash(std::size_t server, Random& random);
  void Kick(std::uint32_t turn);
  void ReplaceDrained();
  void StreamStep(const Step& step, Random& random);
  void KafkaStep(const Step& step, Random& random);
  void LegacyStep(const Step& step, Random& random);
  absl::Time NextTimer() const;

  const Setup setup_;
  fakes::ManualClock clock_;
  WorldLog log_;
  Checker checker_;
  Coordinator coordinator_;
  WorldKafka kafka_;
  std::vector<std::unique_ptr<WorldServer>> servers_;
  std::unique_ptr<Legacy> legacy_;
  int names_ = 0;
};

// Runs `schedule`; what is wrong, empty: nothing.
struct Result {
  std::string verdict;
  std::size_t step = 0;  // At which it showed; past the last: in the end.
  Counts counts;
};
Result Run(const Schedule& schedule, bool trace = false);

}  // namespace eventbus::simulation
