#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/cases.h"
#include "tests/bench/readers.h"
#include "tests/bench/site.h"

namespace eventbus::bench {
namespace {

// How far the writer may be ahead of the slowest tail.
constexpr std::int64_t kAhead = 4000;
constexpr char kConsumer[] = "librdkafka, one consumer";

v1::SubscribeRequest MemberRequest(const Offsets& begin, int number) {
  return GroupRequest(begin, absl::StrCat(number));
}

v1::SubscribeRequest ReplayRequest(const Offsets& begin, int /*number*/) {
  v1::SubscribeRequest request = ReaderRequest();
  *request.mutable_tail()->mutable_start() = StartAt(begin);
  return request;
}

v1::SubscribeRequest LatestRequest() {
  v1::SubscribeRequest request = ReaderRequest();
  request.mutable_tail()->mutable_start()->mutable_latest();
  return request;
}

using MakeRequest = v1::SubscribeRequest (*)(const Offsets&, int);

// From `Started`: one stream reads `events` that are there.
absl::StatusOr<Measurement> Replay(const Site& site, v1::SubscribeRequest request,
                                   std::int64_t events) {
  request.set_max_events(events);
  const absl::Duration cpu = site.server->cpu();
  auto readers = Readers::Open(site.server->address(), request, 1);
  if (!readers.ok()) return readers.status();
  const absl::Time begin = (*readers)->started();
  if (absl::Status status = (*readers)->WaitForEach(events); !status.ok()) return status;
  Measurement result;
  result.events = events;
  result.elapsed = (*readers)->last_delivery() - begin;
  result.cpu = site.server->cpu() - cpu;
  TakeState(*site.server, result);
  if (absl::Status status = (*readers)->WaitForEnd(); !status.ok()) return status;
  return result;
}

absl::StatusOr<std::vector<Row>> RunReplays(const Setting& setting, const std::string& name,
                                            MakeRequest make) {
  auto site = MakeSite(setting);
  if (!site.ok()) return site.status();
  const auto backlog = WriteBacklog(*site);
  if (!backlog.ok()) return backlog.status();
  const auto& [begin, events] = *backlog;
  Row row{name, {}, kConsumer, {}};
  for (int i = 0; i < setting.repetitions; ++i) {
    const auto run = Replay(*site, make(begin, i), events);
    if (!run.ok()) return run.status();
    row.runs.push_back(*run);
    const auto direct = ConsumeDirectly(setting.bootstrap, begin, events);
    if (!direct.ok()) return direct.status();
    row.limits.push_back(*direct);
  }
  if (absl::Status status = site->server->Stop(); !status.ok()) return status;
  return std::vector<Row>{row};
}

// All streams get what is written meanwhile, as fast as the slowest of them takes it.
absl::StatusOr<Measurement> Follow(const Site& site, Readers& readers, int streams) {
  const std::int64_t before = readers.slowest();
  const absl::Duration cpu = site.server->cpu();
  const absl::Time begin = absl::Now();
  const auto written =
      site.producer->Write(site.setting.budget(), [&readers, before](std::int64_t delivered) {
        return delivered - (readers.slowest() - before) < kAhead || readers.failed();
      });
  if (!written.ok()) return written.status();
  if (auto status = readers.WaitForEach(before + *written); !status.ok()) return status;
  Measurement result;
  result.events = *written * streams;
  result.elapsed = readers.last_delivery() - begin;
  result.cpu = site.server->cpu() - cpu;
  TakeState(*site.server, result);
  return result;
}

absl::Status FollowOnce(const Site& site, Readers& readers, int streams, Row& row) {
  const auto begin = site.producer->Ends();
  if (!begin.ok()) return begin.status();
  const auto run = Follow(site, readers, streams);
  if (!run.ok()) return run.status();
  row.runs.push_back(*run);
  const std::int64_t events = run->events / streams;
  if (auto status = CheckGrowth(*site.producer, *begin, events); !status.ok()) return status;
  const auto direct = ConsumeDirectly(site.setting.bootstrap, *begin, events);
  if (direct.ok()) row.limits.push_back(*direct);
  return direct.status();
}

absl::StatusOr<std::vector<Row>> RunTails(const Setting& setting, const std::string& name,
                                          int streams) {
  auto site = MakeSite(setting);
  if (!site.ok()) return site.status();
  auto readers = Readers::Open(site->server->address(), LatestRequest(), streams);
  if (!readers.ok()) return readers.status();
  const auto warm = site->producer->Write(Budget(absl::InfiniteDuration(), kAhead / 2));
  if (!warm.ok()) return warm.status();
  if (auto status = (*readers)->WaitForEach(*warm); !status.ok()) return status;
  Row row{name, {}, kConsumer, {}};
  for (int i = 0; i < setting.repetitions; ++i) {
    if (auto status = FollowOnce(*site, **readers, streams, row); !status.ok()) return status;
  }
  readers->reset();
  if (absl::Status status = site->server->Stop(); !status.ok()) return status;
  return std::vector<Row>{row};
}

Case ReplayCase(const std::string& name, MakeRequest make) {
  return {name, [name, make](const Setting& setting) { return RunReplays(setting, name, make); }};
}

Case TailsCase(int streams) {
  const std::string name =
      absl::StrCat("tail, ", streams, streams == 1 ? " stream" : " streams", ", live");
  return {name,
          [name, streams](const Setting& setting) { return RunTails(setting, name, streams); }};
}

}  // namespace

std::vector<Case> ReadCases() {
  return {ReplayCase("group, 1 stream", MemberRequest),
          ReplayCase("tail, 1 stream, replay", ReplayRequest), TailsCase(1), TailsCase(10),
          TailsCase(100)};
}

}  // namespace eventbus::bench
