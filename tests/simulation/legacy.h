#pragma once

#include <vector>

#include "tests/simulation/checker.h"
#include "tests/simulation/coordinator.h"
#include "tests/simulation/log.h"
#include "tests/simulation/random.h"

namespace eventbus::simulation {

// A member that knows nothing of the event bus: it reads from the group's offsets on and commits
// where it is, without metadata.
class Legacy final : private Coordinator::Receiver {
 public:
  Legacy(const WorldLog& log, Coordinator& coordinator, Checker& checker);
  ~Legacy() override { coordinator_.Drop(member_); }

  // Takes part in the group, reads some records and perhaps commits.
  void Act(Random& random);
  // Answers what it is asked, and nothing more.
  bool Follow();

 private:
  struct Reading {
    int part = 0;
    std::int64_t next = 0;
    std::int64_t committed = 0;
  };

  void OnAssigned(const Coordinator::Parts& parts) override;
  void OnRevoked(const Coordinator::Parts& parts, bool lost) override;
  void Commit(Reading& reading);

  const WorldLog& log_;
  Coordinator& coordinator_;
  Checker& checker_;
  const Coordinator::MemberId member_;
  std::vector<Reading> reading_;
};

}  // namespace eventbus::simulation
