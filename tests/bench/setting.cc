#include "tests/bench/setting.h"

#include <limits>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/call_load.h"
#include "tests/bench/sample.h"

namespace eventbus::bench {
namespace {

constexpr absl::Duration kServingTimeout = absl::Seconds(30);
constexpr absl::Duration kPause = absl::Milliseconds(50);
// `HealthCheckResponse{status: SERVING}`.
constexpr char kServing[] = "\x08\x01";

absl::StatusOr<std::int64_t> CountServing(const grpc::ByteBuffer& response) {
  grpc::Slice slice;
  if (!response.DumpToSingleSlice(&slice).ok()) return absl::DataLossError("no bytes");
  const std::string status(slice.begin(), slice.end());
  if (status != kServing) return absl::UnavailableError("not serving");
  return 1;
}

absl::Status WaitUntilServing(const ServerProcess& server) {
  const Calls check{"/grpc.health.v1.Health/Check", {ToByteBuffer("")}, 1, CountServing};
  const auto channel = Connect(server.address());
  const absl::Time deadline = absl::Now() + kServingTimeout;
  for (;;) {
    const auto serving = RunCalls(channel, check, 1, Budget(absl::InfiniteDuration(), 1));
    if (serving.ok() || absl::Now() > deadline) return serving.status();
    absl::SleepFor(kPause);
  }
}

std::int64_t Sum(const Offsets& offsets) {
  return std::accumulate(offsets.begin(), offsets.end(), std::int64_t{0});
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServerProcess>> StartServer(const Setting& setting) {
  auto server =
      ServerProcess::Start({setting.server, "--listen", "127.0.0.1:0", "--kafka_bootstrap_servers",
                            setting.bootstrap, "--provision_topics"},
                           setting.directory + "/server.log");
  if (!server.ok()) return server.status();
  if (absl::Status status = WaitUntilServing(**server); !status.ok()) return status;
  return server;
}

absl::StatusOr<std::unique_ptr<ServerProcess>> StartEmptyServer(const Setting& setting) {
  return ServerProcess::Start({setting.self, "--empty_server"},
                              setting.directory + "/empty_server.log");
}

absl::Status CheckGrowth(const DirectProducer& producer, const Offsets& before,
                         std::int64_t events) {
  const auto after = producer.Ends();
  if (!after.ok()) return after.status();
  const std::int64_t grown = Sum(*after) - Sum(before);
  if (grown == events) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(events, " events acknowledged, ", grown, " records in Kafka"));
}

}  // namespace eventbus::bench
