#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/measurement.h"
#include "tests/bench/setting.h"

namespace eventbus::bench {

// A case and what it is beside: one run of each in turn, so that both have had the same machine.
// Goes on from the row before where that has the same name.
struct Row {
  std::string name;
  std::vector<Measurement> runs;
  std::string beside;
  std::vector<Measurement> limits;
};

// A case to run. It has its own server; what it returns has been checked event by event: what was
// acknowledged is in Kafka, and what is there was delivered, neither more nor less.
struct Case {
  std::string name;
  std::function<absl::StatusOr<std::vector<Row>>(const Setting&)> run;
};

// All of them, in the order of the table.
std::vector<Case> Cases();

// Cases of publishing, beside librdkafka as a producer with as much under way, and of single calls
// beside a call that does nothing.
std::vector<Case> PublishCases();

// Cases of reading, beside librdkafka as one consumer of the same records.
std::vector<Case> ReadCases();

// The ways that a member of a group can settle, beside one that need not.
std::vector<Case> SettleCases();

}  // namespace eventbus::bench
