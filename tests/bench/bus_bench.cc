// The event bus end to end on a real Kafka, each case beside what limits it, as a Markdown table.
//
//   ./dev bench bus                          all cases, three times each: 90 s and more
//   ./dev bench bus --quick                  each once and briefly: only that it works
//   ./dev bench bus --case tail              those whose name has `tail` in it
//
// By hand, beside a Kafka that nobody else uses meanwhile:
//
//   tests/kafka/kafka.py run --full-jit -- build/release/bench/bus_bench
//
// The server is a child of this program, and so is the empty one; librdkafka runs in it. Exits with
// 0 once every case has run, and every event of every run has been accounted for.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/cases.h"
#include "tests/bench/empty_server.h"
#include "tests/bench/sample.h"
#include "tests/bench/table.h"

namespace eventbus::bench {
namespace {

struct Flags {
  Setting setting;
  std::string only;
  bool quick = false;
  bool empty_server = false;
};

std::string OwnPath() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

std::string LoadAverage() {
  std::ifstream file("/proc/loadavg");
  std::string load;
  file >> load;
  return load;
}

void PrintHead(const Setting& setting) {
  const Sample& sample = Samples().front();
  std::cout << "Event: " << sample.json.size() << " bytes of JSON, " << sample.protobuf_size
            << " of protobuf. gRPC " << grpc::Version() << ", librdkafka " << rd_kafka_version_str()
            << ", " << std::thread::hardware_concurrency() << " cores, load " << LoadAverage()
            << "; median of " << setting.repetitions << " runs of " << setting.duration
            << ", at most " << setting.max_events << " events each.\n\n"
            << TableHead() << std::endl;
}

absl::Status RunCases(const Flags& flags) {
  int ran = 0;
  for (const Case& each : Cases()) {
    if (!absl::StrContains(each.name, flags.only)) continue;
    if (ran++ == 0) PrintHead(flags.setting);
    const auto rows = each.run(flags.setting);
    if (!rows.ok()) {
      return absl::Status(rows.status().code(),
                          absl::StrCat(each.name, ": ", rows.status().message()));
    }
    std::string last;
    for (const Row& row : *rows) {
      std::cout << TableLine(row, row.name == last) << std::endl;
      last = row.name;
    }
  }
  if (ran > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("case: none has '", flags.only, "' in its name"));
}

int Run(Flags flags) {
  Setting& setting = flags.setting;
  if (setting.bootstrap.empty()) {
    std::cerr << "bus_bench: no Kafka; tests/kafka/kafka.py run -- bus_bench starts one\n";
    return EXIT_FAILURE;
  }
  if (flags.quick) {
    setting.repetitions = 1;
    setting.duration = absl::Milliseconds(100);
    setting.max_events = 5'000;
  }
  char directory[] = "/tmp/eventbus-bench-XXXXXX";
  if (mkdtemp(directory) == nullptr) return EXIT_FAILURE;
  setting.directory = directory;
  const absl::Time begin = absl::Now();
  const absl::Status status = RunCases(flags);
  std::filesystem::remove_all(directory);
  if (!status.ok()) {
    std::cerr << "bus_bench: " << status << "\n";
    return EXIT_FAILURE;
  }
  std::cout << "\nDone in " << absl::Trunc(absl::Now() - begin, absl::Seconds(1)) << ", load now "
            << LoadAverage() << ". Every event was accounted for." << std::endl;
  return EXIT_SUCCESS;
}

int Main(int argc, char** argv) {
  Flags flags;
  Setting& setting = flags.setting;
  setting.self = OwnPath();
  setting.server =
      (std::filesystem::path(setting.self).parent_path() / "../bin/eventbus-server").string();
  CLI::App app("The event bus end to end, beside librdkafka and empty gRPC calls.", "bus_bench");
  app.add_option("--bootstrap", setting.bootstrap, "A Kafka of its own, host:port")
      ->envname("EVENTBUS_TEST_KAFKA");
  app.add_option("--server", setting.server, "The program to measure")->capture_default_str();
  app.add_option("--repetitions", setting.repetitions, "Runs of each case")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--case", flags.only, "Only cases with this in their name");
  app.add_flag("--quick", flags.quick, "Once and briefly: the figures mean nothing");
  app.add_flag("--empty_server", flags.empty_server, "What it starts itself as")->group("");
  CLI11_PARSE(app, argc, argv);
  return flags.empty_server ? RunEmptyServer() : Run(flags);
}

}  // namespace

std::vector<Case> Cases() {
  std::vector<Case> cases = PublishCases();
  for (Case& each : ReadCases()) cases.push_back(std::move(each));
  for (Case& each : SettleCases()) cases.push_back(std::move(each));
  return cases;
}

}  // namespace eventbus::bench

int main(int argc, char** argv) {
  // Debian builds Abseil with a deadlock detector that is fatal, and gRPC locks through it.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return eventbus::bench::Main(argc, argv);
}
