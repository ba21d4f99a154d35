#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "server/bus/acknowledge.h"
#include "server/bus/cluster_monitor.h"
#include "server/bus/context.h"
#include "server/bus/dead_letters.h"
#include "server/bus/group_registry.h"
#include "tests/fakes/manual_executor.h"
#include "tests/simulation/client.h"
#include "tests/simulation/kafka.h"

namespace eventbus::simulation {

// A process that serves streams of the group.
class WorldServer final : private bus::DeadLetters {
 public:
  WorldServer(const Setup& setup, const WorldLog& log, const fakes::ManualClock& clock,
              WorldKafka& kafka, Checker& checker);
  ~WorldServer() override;

  // A client subscribes.
  Client& Connect(std::unique_ptr<Client> client);
  const std::vector<std::unique_ptr<Client>>& clients() const { return clients_; }
  bus::AckRegistry& acks() { return acks_; }

  // Runs one task; all there are. False: there was none.
  bool RunOne() { return executor_.RunOne(); }
  bool LookUpOne() { return blocking_.RunOne(); }
  bool Run();
  absl::Time next_timer() const { return std::min(executor_.next_timer(), blocking_.next_timer()); }

  bool has_letter() const { return !letters_.empty(); }
  // The oldest is written; is not, or Kafka could not say so.
  void AnswerLetter(Outcome outcome);

  // Shuts down: takes no more clients.
  void Drain();
  bool draining() const { return draining_; }
  // Is dead: nothing that it does has an effect. Its letters reached Kafka, or not.
  void Kill(bool letters_written);
  // Forgets streams that are over.
  void Tidy();

 private:
  struct Waiting {
    Coordinator::MemberId member = -1;
    EventId id;
    Done done;
  };

  absl::Status Prepare(const std::string&, const std::vector<std::string>&) override {
    return absl::OkStatus();
  }
  void Write(bus::DeadLetter letter, Done done) override;
  Coordinator::MemberId HolderOf(const bus::DeadLetter& letter) const;

  const Setup& setup_;
  const WorldLog& log_;
  Checker& checker_;
  fakes::ManualExecutor executor_;
  fakes::ManualExecutor blocking_;
  bus::ClusterMonitor monitor_;
  bus::AckRegistry acks_;
  bus::GroupRegistry registry_;
  const bus::Context context_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::deque<Waiting> letters_;
  bool draining_ = false;
  bool dead_ = false;
};

}  // namespace eventbus::simulation
