#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/call_load.h"
#include "tests/bench/cases.h"
#include "tests/bench/stream_load.h"

namespace eventbus::bench {
namespace {

using Channel = std::shared_ptr<grpc::Channel>;

// One way to publish.
struct Way {
  std::string name;
  std::function<absl::StatusOr<Measurement>(const Channel&, Budget)> run;
  // Events under way at once.
  int outstanding = 1;
  // Whether an empty call is a limit of it.
  bool call_each = false;
};

// A closed loop over gRPC, with what it cost the server.
absl::StatusOr<Measurement> Measure(const ServerProcess& server, const Channel& channel,
                                    const Way& way, const Setting& setting) {
  const absl::Duration before = server.cpu();
  auto result = way.run(channel, setting.budget());
  if (!result.ok()) return result.status();
  result->cpu = server.cpu() - before;
  return result;
}

class Publishing {
 public:
  Publishing(const Setting& setting, Way way) : setting_(setting), way_(std::move(way)) {}

  absl::StatusOr<std::vector<Row>> Run() {
    if (absl::Status status = SetUp(); !status.ok()) return status;
    for (int i = 0; i < setting_.repetitions; ++i) {
      if (absl::Status status = Once(); !status.ok()) return status;
    }
    if (absl::Status status = server_->Stop(); !status.ok()) return status;
    const std::string under_way = absl::StrCat(way_.outstanding, " under way");
    std::vector<Row> rows = {
        {way_.name, runs_, absl::StrCat("librdkafka, ", under_way), producer_runs_}};
    if (empty_ != nullptr) {
      rows.push_back({way_.name, runs_, absl::StrCat("empty call, ", under_way), empty_runs_});
    }
    return rows;
  }

 private:
  absl::Status SetUp() {
    auto server = StartServer(setting_);
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    channel_ = Connect(server_->address());
    auto producer = DirectProducer::Make(setting_.bootstrap);
    if (!producer.ok()) return producer.status();
    producer_ = *std::move(producer);
    if (way_.call_each) {
      auto empty = StartEmptyServer(setting_);
      if (!empty.ok()) return empty.status();
      empty_ = *std::move(empty);
      empty_channel_ = Connect(empty_->address());
    }
    return WarmUp();
  }

  // The first record of the server's is looked at, too.
  absl::Status WarmUp() {
    const auto before = producer_->Ends();
    if (!before.ok()) return before.status();
    const auto first = way_.run(channel_, setting_.warm_up());
    if (!first.ok()) return first.status();
    if (absl::Status status = CheckRecord(setting_.bootstrap, *before); !status.ok()) return status;
    const auto direct = producer_->RunLoop(way_.outstanding, setting_.warm_up());
    if (!direct.ok() || empty_ == nullptr) return direct.status();
    return way_.run(empty_channel_, setting_.warm_up()).status();
  }

  absl::Status Once() {
    const auto before = producer_->Ends();
    if (!before.ok()) return before.status();
    auto run = Measure(*server_, channel_, way_, setting_);
    if (!run.ok()) return run.status();
    run->resident_bytes = server_->resident_bytes();
    run->threads = server_->threads();
    runs_.push_back(*run);
    const auto direct = producer_->RunLoop(way_.outstanding, setting_.budget());
    if (!direct.ok()) return direct.status();
    producer_runs_.push_back(*direct);
    if (absl::Status status = CheckGrowth(*producer_, *before, run->events + direct->events);
        !status.ok() || empty_ == nullptr) {
      return status;
    }
    const auto empty = Measure(*empty_, empty_channel_, way_, setting_);
    if (empty.ok()) empty_runs_.push_back(*empty);
    return empty.status();
  }

  const Setting& setting_;
  const Way way_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<ServerProcess> empty_;  // Null: not a limit.
  Channel channel_;
  Channel empty_channel_;
  std::unique_ptr<DirectProducer> producer_;
  std::vector<Measurement> runs_;
  std::vector<Measurement> producer_runs_;
  std::vector<Measurement> empty_runs_;
};

Way Unary(int outstanding) {
  return {absl::StrCat("publish, ", outstanding, " under way"),
          [outstanding, calls = PublishCalls()](const Channel& channel, Budget budget) {
            return RunCalls(channel, calls, outstanding, budget);
          },
          outstanding, true};
}

Way Batch(int events, int outstanding) {
  return {absl::StrCat("publish batch, ", events, " x ", outstanding, " under way"),
          [outstanding, calls = BatchCalls(events)](const Channel& channel, Budget budget) {
            return RunCalls(channel, calls, outstanding, budget);
          },
          events * outstanding};
}

Way Streams(const StreamShape& shape) {
  return {
      absl::StrCat("publish stream, ", shape.streams, " streams, ", shape.events_per_message, " x ",
                   shape.messages_in_flight, " under way"),
      [shape](const Channel& channel, Budget budget) { return RunStreams(channel, shape, budget); },
      shape.streams * shape.messages_in_flight * shape.events_per_message};
}

}  // namespace

std::vector<Case> PublishCases() {
  std::vector<Case> cases;
  for (const Way& way :
       {Unary(1), Unary(32), Unary(256), Batch(1000, 4),
        Streams({.streams = 4, .messages_in_flight = 256, .events_per_message = 1}),
        Streams({.streams = 4, .messages_in_flight = 10, .events_per_message = 100})}) {
    cases.push_back(
        {way.name, [way](const Setting& setting) { return Publishing(setting, way).Run(); }});
  }
  return cases;
}

}  // namespace eventbus::bench
