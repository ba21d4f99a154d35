#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "tests/bench/call_load.h"
#include "tests/bench/cases.h"
#include "tests/bench/member_load.h"
#include "tests/bench/site.h"

namespace eventbus::bench {
namespace {

constexpr absl::Duration kCommitTimeout = absl::Seconds(10);
constexpr absl::Duration kPause = absl::Milliseconds(20);

// The first is what the others stand beside.
struct Way {
  const char* name;
  Settle settle;
};
constexpr Way kAuto = {"group, 1 stream, auto", Settle::kNever};
constexpr Way kExplicit[] = {{"group, 1 stream, explicit, token a batch", Settle::kBatches},
                             {"group, 1 stream, explicit, token an event", Settle::kEvents},
                             {"consume, 1 stream, token a batch", Settle::kByConsume}};

v1::SubscribeRequest RequestOf(const Backlog& backlog, Settle settle, int number) {
  const auto name = absl::StrCat("settle-", static_cast<int>(settle), "-", number);
  v1::SubscribeRequest request = GroupRequest(backlog.begin, name);
  if (settle != Settle::kNever) request.mutable_group()->set_ack_mode(v1::ACK_MODE_EXPLICIT);
  request.set_max_events(backlog.events);
  return request;
}

// Until Kafka knows that the group has read all there is: the last commit may follow the stream.
absl::Status CheckCommitted(const Site& site, const std::string& group) {
  const auto ends = site.producer->Ends();
  if (!ends.ok()) return ends.status();
  const absl::Time deadline = absl::Now() + kCommitTimeout;
  for (;;) {
    const auto committed = CommittedBy(site.setting.bootstrap, group, ends->size());
    if (!committed.ok()) return committed.status();
    if (*committed == *ends) return absl::OkStatus();
    if (absl::Now() > deadline) {
      return absl::DataLossError(absl::StrCat(group, ": committed ",
                                              absl::StrJoin(*committed, ", "), ", the ends are ",
                                              absl::StrJoin(*ends, ", ")));
    }
    absl::SleepFor(kPause);
  }
}

absl::StatusOr<Measurement> ReadOnce(const Site& site, const Backlog& backlog, Settle settle,
                                     int number) {
  const v1::SubscribeRequest request = RequestOf(backlog, settle, number);
  const absl::Duration cpu = site.server->cpu();
  auto result = RunMember(Connect(site.server->address()), request, settle);
  if (!result.ok()) return result.status();
  result->cpu = site.server->cpu() - cpu;
  TakeState(*site.server, *result);
  if (result->events != backlog.events) {
    return absl::DataLossError(
        absl::StrCat(result->events, " events delivered where there are ", backlog.events));
  }
  if (auto status = CheckCommitted(site, request.group().id()); !status.ok()) return status;
  return result;
}

absl::StatusOr<std::vector<Row>> RunSettling(const Setting& setting) {
  auto site = MakeSite(setting);
  if (!site.ok()) return site.status();
  const auto backlog = WriteBacklog(*site);
  if (!backlog.ok()) return backlog.status();
  std::vector<Row> rows;
  for (const Way& way : kExplicit) rows.push_back({way.name, {}, kAuto.name, {}});
  // The first round is to make connections and fill caches.
  for (int i = 0; i <= setting.repetitions; ++i) {
    const auto beside = ReadOnce(*site, *backlog, kAuto.settle, i);
    if (!beside.ok()) return beside.status();
    for (std::size_t way = 0; way < rows.size(); ++way) {
      const auto run = ReadOnce(*site, *backlog, kExplicit[way].settle, i);
      if (!run.ok()) return run.status();
      if (i == 0) continue;
      rows[way].runs.push_back(*run);
      rows[way].limits.push_back(*beside);
    }
  }
  if (absl::Status status = site->server->Stop(); !status.ok()) return status;
  return rows;
}

}  // namespace

std::vector<Case> SettleCases() { return {{"settling, group and consume", RunSettling}}; }

}  // namespace eventbus::bench
