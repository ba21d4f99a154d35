#include "tests/simulation/schedule.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "tests/simulation/random.h"

namespace eventbus::simulation {
namespace {

constexpr std::array<const char*, kActs> kNames = {
    "flow",     "run",    "run-some", "look-up",  "read",        "settle",     "advance",
    "network",  "letter", "publish",  "truncate", "connect",     "vanish",     "half-close",
    "deadline", "drain",  "crash",    "kick",     "legacy-join", "legacy-act", "legacy-leave"};

using Weights = std::array<int, kActs>;

int& Of(Weights& weights, Act act) { return weights[static_cast<std::size_t>(act)]; }

Setup DrawSetup(Random& random) {
  Setup setup;
  setup.servers = random.Between(1, 3);
  setup.topics = random.OneIn(3) ? 2 : 1;
  setup.partitions = random.Between(1, setup.topics == 2 ? 2 : 3);
  setup.keys = random.Between(1, 4);
  setup.events = random.Between(3, 24);
  setup.log = random.Next();
  setup.assignor = static_cast<Assignor>(random.Below(3));
  setup.max_outstanding = random.OneIn(3) ? random.Between(1, 4) : random.Between(5, 40);
  setup.max_span = random.OneIn(4) ? random.Between(2, 8) : 50;
  setup.batch = random.Between(1, 8);
  if (random.OneIn(6)) setup.ack_timeout_seconds = random.Between(10, 40);
  setup.filter = random.OneIn(5);
  setup.undecodable = random.OneIn(5);
  setup.holes = random.OneIn(4);
  setup.retries = random.OneIn(2);
  setup.dead_letters = random.OneIn(2);
  if (setup.dead_letters) {
    setup.max_failures = random.Below(4);
    setup.killers = setup.max_failures > 0 && random.OneIn(3);
    setup.kills_server = random.OneIn(2);
  }
  // Or what has failed is never known for long.
  setup.small_metadata = !setup.killers && random.OneIn(12);
  return setup;
}

// What every schedule has much of.
Weights Calm(const Setup& setup) {
  Weights weights{};
  Of(weights, Act::kFlow) = 12;
  Of(weights, Act::kRun) = 10;
  Of(weights, Act::kRunSome) = 6;
  Of(weights, Act::kLookUp) = 4;
  Of(weights, Act::kRead) = 12;
  Of(weights, Act::kSettle) = 16;
  Of(weights, Act::kAdvance) = 12;
  Of(weights, Act::kNetwork) = 12;
  Of(weights, Act::kPublish) = 4;
  Of(weights, Act::kConnect) = 4;
  Of(weights, Act::kLetter) = setup.dead_letters ? 6 : 0;
  return weights;
}

// One in so many steps is of each kind of fault that the schedule has.
Weights DrawWeights(const Setup& setup, Random& random) {
  Weights weights = Calm(setup);
  const auto add = [&](Act act, int chance, int most) {
    if (random.OneIn(chance)) Of(weights, act) = random.Between(1, most);
  };
  add(Act::kHalfClose, 4, 3);
  add(Act::kDeadline, 6, 2);
  add(Act::kDrain, 3, 4);
  add(Act::kTruncate, 5, 3);
  add(Act::kLegacyJoin, 5, 3);
  if (Of(weights, Act::kLegacyJoin) > 0) {
    Of(weights, Act::kLegacyAct) = 6;
    Of(weights, Act::kLegacyLeave) = 2;
  }
  // With killers there are often no other unclean ends: then the innocent are counted never.
  if (setup.killers && !random.OneIn(3)) return weights;
  if (random.OneIn(4)) return weights;
  add(Act::kVanish, 2, 4);
  add(Act::kCrash, 2, 4);
  add(Act::kKick, 2, 4);
  // Streams that come and go all the time, so that the group hardly rests.
  if (random.OneIn(4)) {
    Of(weights, Act::kConnect) = 14;
    add(Act::kVanish, 1, 6);
    add(Act::kHalfClose, 1, 6);
    add(Act::kKick, 1, 6);
  }
  // Retention that overtakes streams.
  if (random.OneIn(8)) {
    Of(weights, Act::kPublish) = 12;
    Of(weights, Act::kTruncate) = 10;
    Of(weights, Act::kVanish) = 6;
  }
  return weights;
}

}  // namespace

const char* Name(Act act) { return kNames[static_cast<std::size_t>(act)]; }

Schedule Draw(std::uint64_t seed) {
  Random random(seed);
  Schedule schedule;
  schedule.setup = DrawSetup(random);
  const Weights weights = DrawWeights(schedule.setup, random);
  int sum = 0;
  for (const int weight : weights) sum += weight;
  const int steps = random.Between(20, 110);
  for (int i = 0; i < steps; ++i) {
    int pick = random.Below(sum);
    int act = 0;
    while (pick >= weights[static_cast<std::size_t>(act)]) {
      pick -= weights[static_cast<std::size_t>(act++)];
    }
    const auto bits = random.Next();
    schedule.steps.push_back({static_cast<Act>(act), static_cast<std::uint32_t>(bits),
                              static_cast<std::uint32_t>(bits >> 32)});
  }
  return schedule;
}

std::string Describe(const Setup& setup) {
  constexpr std::array<const char*, 3> kAssignors = {"range", "roundrobin", "cooperative"};
  std::string text =
      absl::StrCat(setup.servers, " servers, ", setup.topics, " topics of ", setup.partitions,
                   " partitions, ", setup.keys, " keys, ", setup.events, " events, ",
                   kAssignors[static_cast<std::size_t>(setup.assignor)], ", outstanding ",
                   setup.max_outstanding, ", span ", setup.max_span, ", batch ", setup.batch,
                   ", ack timeout ", setup.ack_timeout_seconds, " s");
  if (setup.dead_letters) absl::StrAppend(&text, ", dead letters past ", setup.max_failures);
  const auto flag = [&text](bool set, const char* name) {
    if (set) absl::StrAppend(&text, ", ", name);
  };
  flag(setup.filter, "filter");
  flag(setup.undecodable, "undecodable");
  flag(setup.holes, "holes");
  flag(setup.retries, "retries");
  flag(setup.killers, setup.kills_server ? "killers of servers" : "killers of clients");
  flag(setup.small_metadata, "small metadata");
  return text;
}

std::string Describe(const Schedule& schedule) {
  std::string text = absl::StrCat("  ", Describe(schedule.setup), "\n");
  for (const Step& step : schedule.steps) {
    absl::StrAppend(&text, "  ", Name(step.act), " ", step.a, " ", step.b, "\n");
  }
  return text;
}

}  // namespace eventbus::simulation
