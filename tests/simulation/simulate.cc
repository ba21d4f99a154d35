// Runs seeded schedules over the group's real classes; see README.md.
//
//   simulate [--schedules N] [--first N] [--jobs N] [--failures N] [--no-shrink] [--trace]
//   simulate --seed N [--no-shrink] [--trace]
//   simulate --must-find TEXT [--schedules N]
//
// The first runs many, and tells the first failures, shrunk; EVENTBUS_SCHEDULES is how many where
// no flag says so. The second runs one; with --trace it tells what happened. The third is for
// servers with a fault: it fails unless a schedule fails with a verdict that has TEXT in it.
#include <malloc.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/base/log.h"
#include "tests/simulation/schedule.h"
#include "tests/simulation/shrink.h"
#include "tests/simulation/world.h"

namespace {

using namespace eventbus::simulation;  // NOLINT(google-build-using-namespace)

struct Flags {
  std::uint64_t first = 1;
  std::uint64_t schedules = EVENTBUS_SCHEDULES;
  std::uint64_t seed = 0;  // 0: many.
  int jobs = static_cast<int>(std::thread::hardware_concurrency());
  int failures = 1;    // How many are told.
  bool trace = false;  // What happens is printed.
  bool shrink = true;
  std::string must_find;
};

void Tell(std::uint64_t seed, bool shrink, bool trace) {
  const Schedule schedule = Draw(seed);
  const Result result = Run(schedule);
  std::printf("seed %llu fails at step %zu of %zu: %s\n", static_cast<unsigned long long>(seed),
              result.step, schedule.steps.size(), result.verdict.c_str());
  if (!shrink) {
    if (trace) Run(schedule, trace);
    return;
  }
  const Schedule least = Shrink(schedule);
  std::printf("shrunk: %s\n%s", Run(least).verdict.c_str(), Describe(least).c_str());
  if (!trace) return;
  std::printf("  what happened:\n");
  Run(least, /*trace=*/true);
}

int RunOne(const Flags& flags) {
  const Schedule schedule = Draw(flags.seed);
  const Result result = Run(schedule);
  if (result.verdict.empty()) {
    std::printf("seed %llu: nothing is wrong\n", static_cast<unsigned long long>(flags.seed));
    return 0;
  }
  Tell(flags.seed, flags.shrink, flags.trace);
  return 1;
}

void Print(const Counts& counts) {
  const auto print = [](const char* what, std::int64_t count) {
    std::printf("%12lld %s\n", static_cast<long long>(count), what);
  };
  print("deliveries", counts.deliveries);
  print("of events that had been delivered before", counts.again);
  print("events acknowledged", counts.acknowledged);
  print("events retried", counts.retried);
  print("dead letters written", counts.letters);
  print("of events that kill", counts.killers);
  print("partitions taken over", counts.begun);
  print("partitions that came back and went on", counts.resumed);
  print("acknowledgements lost in a window that the guarantees name", counts.broken);
  print("commits before events that go alone or few at a time", counts.alone);
  print("gaps read by clients", counts.gaps);
  print("of which some client had read before", counts.gaps_again);
}

int RunMany(const Flags& flags) {
  std::atomic<std::uint64_t> next{flags.first};
  std::mutex mu;
  Counts counts;
  std::uint64_t ran = 0;
  std::vector<std::uint64_t> failed;
  const std::uint64_t end = flags.first + flags.schedules;
  const auto begin = std::chrono::steady_clock::now();
  const auto work = [&] {
    Counts own;
    std::uint64_t runs = 0;
    for (std::uint64_t seed = next++; seed < end; seed = next++) {
      const Result result = Run(Draw(seed));
      own += result.counts;
      ++runs;
      if (result.verdict.empty()) continue;
      const std::lock_guard<std::mutex> lock(mu);
      failed.push_back(seed);
      if (failed.size() >= static_cast<std::size_t>(flags.failures)) next = end;
    }
    const std::lock_guard<std::mutex> lock(mu);
    counts += own;
    ran += runs;
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < flags.jobs; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  for (const std::uint64_t seed : failed) Tell(seed, flags.shrink, flags.trace);
  Print(counts);
  std::printf("%llu schedules, %zu failed, %.1f s, %.0f schedules/s\n",
              static_cast<unsigned long long>(ran), failed.size(), took.count(),
              static_cast<double>(ran) / took.count());
  return failed.empty() ? 0 : 1;
}

int Find(const Flags& flags) {
  for (std::uint64_t seed = flags.first; seed < flags.first + flags.schedules; ++seed) {
    const std::string verdict = Run(Draw(seed)).verdict;
    if (verdict.find(flags.must_find) == std::string::npos) continue;
    std::printf("found by seed %llu: %s\n", static_cast<unsigned long long>(seed), verdict.c_str());
    return 0;
  }
  std::printf("not found in %llu schedules\n", static_cast<unsigned long long>(flags.schedules));
  return 1;
}

bool Parse(int argc, char** argv, Flags& flags) {
  if (const char* schedules = std::getenv("EVENTBUS_SCHEDULES")) {
    flags.schedules = std::strtoull(schedules, nullptr, 10);
  }
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--trace") {
      flags.trace = true;
      continue;
    }
    if (flag == "--no-shrink") {
      flags.shrink = false;
      continue;
    }
    if (i + 1 == argc) return false;
    if (flag == "--must-find") {
      flags.must_find = argv[++i];
      continue;
    }
    const std::uint64_t value = std::strtoull(argv[++i], nullptr, 10);
    if (flag == "--schedules") {
      flags.schedules = value;
    } else if (flag == "--first") {
      flags.first = value;
    } else if (flag == "--seed") {
      flags.seed = value;
    } else if (flag == "--jobs") {
      flags.jobs = static_cast<int>(value);
    } else if (flag == "--failures") {
      flags.failures = static_cast<int>(value);
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  if (!Parse(argc, argv, flags)) {
    std::fprintf(stderr,
                 "usage: simulate [--schedules N] [--first N] [--jobs N] [--failures N]\n"
                 "       simulate --seed N [--trace] [--no-shrink]\n"
                 "       simulate --must-find TEXT [--schedules N]\n");
    return 2;
  }
  // Worlds come and go: what they leave is for the next.
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  eventbus::SetUpLog(eventbus::LogLevel::kError);
  if (!flags.must_find.empty()) return Find(flags);
  return flags.seed != 0 ? RunOne(flags) : RunMany(flags);
}
