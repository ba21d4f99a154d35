#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace eventbus::simulation {

enum class Assignor { kRange, kRoundRobin, kCooperative };

// The world that a schedule begins with.
struct Setup {
  int servers = 2;
  int topics = 1;
  int partitions = 2;     // Of each topic.
  int keys = 3;           // Of each partition; records without one come besides.
  int events = 10;        // Before anybody reads.
  std::uint64_t log = 0;  // Seeds what they are.
  Assignor assignor = Assignor::kRange;

  int max_outstanding = 10;
  int max_span = 50;
  int batch = 4;
  int ack_timeout_seconds = 1800;

  bool filter = false;          // Some records do not pass it.
  bool undecodable = false;     // Some records are not JSON.
  bool holes = false;           // Offsets have gaps, ends have control records.
  bool retries = false;         // Clients ask for some events again.
  bool dead_letters = false;    // There is a policy; clients give some events up.
  int max_failures = 0;         // 0: any number.
  bool killers = false;         // Some events end the client that reads them...
  bool kills_server = false;    // ...and its server.
  bool small_metadata = false;  // Kafka takes hardly any.
};

// What happens next. `a` picks whom it concerns among those there are, `b` seeds the rest: so a
// schedule from which steps were taken is still one.
enum class Act {
  kFlow,     // Everything that can happen without fault or client's word happens.
  kRun,      // A server runs until nothing is left to run.
  kRunSome,  // It runs a few of its tasks.
  kLookUp,   // It runs one that blocks.
  kRead,     // A client takes the message that is being written to it.
  kSettle,   // A client settles some of what it has.
  kAdvance,  // Time goes by.
  kNetwork,  // The oldest request of a member reaches Kafka, or fails.
  kLetter,   // The oldest dead letter of a server is written, or fails.
  kPublish,
  kTruncate,  // Retention takes records.
  kConnect,   // A client subscribes.
  kVanish,    // A client is gone, without a word.
  kHalfClose,
  kDeadline,  // The call's, which the client gave.
  kDrain,     // A server shuts down cleanly; another takes its place.
  kCrash,     // A server is killed; another takes its place.
  kKick,      // Kafka goes on without a member, which has not been heard of.
  kLegacyJoin,
  kLegacyAct,  // A member that knows nothing of us reads and commits, without metadata.
  kLegacyLeave,
};
constexpr int kActs = static_cast<int>(Act::kLegacyLeave) + 1;

struct Step {
  Act act = Act::kFlow;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
};

struct Schedule {
  Setup setup;
  std::vector<Step> steps;
};

// The schedule of `seed`.
Schedule Draw(std::uint64_t seed);

// One line for the world, and one a step.
std::string Describe(const Setup& setup);
std::string Describe(const Schedule& schedule);
const char* Name(Act act);

}  // namespace eventbus::simulation
