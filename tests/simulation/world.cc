#include "tests/simulation/world.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace eventbus::simulation {
namespace {

constexpr int kMostStreams = 5;
constexpr int kMostRecords = 40;  // Of all partitions.
// What calms down does so within these.
constexpr int kFlowRounds = 200;
constexpr int kFinishRounds = 600;

}  // namespace

World::World(const Setup& setup, bool trace)
    : setup_(setup),
      log_(setup_),
      checker_(setup_, log_, clock_),
      coordinator_(setup_, log_, clock_, checker_),
      kafka_(setup_, log_, coordinator_, checker_) {
  Random random(setup.log);
  checker_.SetTrace(trace);
  const int parts = static_cast<int>(log_.parts().size());
  for (int i = 0; i < setup.events; ++i) log_.Append(random.Below(parts), 1, random);
  checker_.OnAppended();
  for (int i = 0; i < setup.servers; ++i) {
    servers_.push_back(std::make_unique<WorldServer>(setup_, log_, clock_, kafka_, checker_));
    Connect(static_cast<std::uint32_t>(i));
  }
}

World::~World() {
  checker_.SetTrace(false);
  for (const auto& server : servers_) {
    for (const auto& client : server->clients()) {
      if (client->member() >= 0) coordinator_.Kill(client->member(), 0);
    }
  }
}

Client* World::ClientOf(std::uint32_t turn, WorldServer** server) {
  std::vector<std::pair<WorldServer*, Client*>> found;
  for (const auto& each : servers_) {
    for (const auto& client : each->clients()) {
      if (!client->over()) found.emplace_back(each.get(), client.get());
    }
  }
  if (found.empty()) return nullptr;
  *server = found[turn % found.size()].first;
  return found[turn % found.size()].second;
}

void World::Do(const Step& step) {
  Random random(step.b);
  switch (step.act) {
    case Act::kFlow:
      Flow();
      break;
    case Act::kRun:
      ServerOf(step.a).Run();
      break;
    case Act::kRunSome:
      for (int i = random.Between(1, 3); i > 0; --i) ServerOf(step.a).RunOne();
      break;
    case Act::kLookUp:
      kafka_.SetAway(random.OneIn(8));
      if (random.OneIn(4))
        kafka_.SetLeaderless(random.Below(static_cast<int>(log_.parts().size())));
      ServerOf(step.a).LookUpOne();
      kafka_.SetAway(false);
      kafka_.SetLeaderless(-1);
      break;
    case Act::kAdvance:
      Advance(random);
      break;
    case Act::kDrain:
      if (!ServerOf(step.a).draining()) ServerOf(step.a).Drain();
      break;
    case Act::kCrash:
      Crash(step.a % servers_.size(), random);
      break;
    case Act::kConnect:
      Connect(step.a);
      break;
    case Act::kRead:
    case Act::kSettle:
    case Act::kVanish:
    case Act::kHalfClose:
    case Act::kDeadline:
    case Act::kKick:
      StreamStep(step, random);
      break;
    case Act::kNetwork:
    case Act::kLetter:
    case Act::kPublish:
    case Act::kTruncate:
      KafkaStep(step, random);
      break;
    case Act::kLegacyJoin:
    case Act::kLegacyAct:
    case Act::kLegacyLeave:
      LegacyStep(step, random);
      break;
  }
  ReplaceDrained();
}

void World::StreamStep(const Step& step, Random& random) {
  WorldServer* server = nullptr;
  Client* const client = ClientOf(step.a, &server);
  if (client == nullptr) return;
  switch (step.act) {
    case Act::kRead:
      return Read(*server, *client, random);
    case Act::kSettle:
      return client->Settle(server->acks(), random);
    case Act::kVanish:
      if (client->member() >= 0) checker_.OnUnclean(client->member());
      return client->Vanish();
    case Act::kHalfClose:
      return client->HalfClose();
    case Act::kDeadline:
      return client->ReachDeadline();
    default:
      if (client->member() >= 0) coordinator_.Kick(client->member());
  }
}

void World::KafkaStep(const Step& step, Random& random) {
  const int part = static_cast<int>(step.a % log_.parts().size());
  switch (step.act) {
    case Act::kNetwork:
      return Network(step.a, random);
    case Act::kLetter:
      for (const auto& server : servers_) {
        if (!server->has_letter()) continue;
        const int luck = random.Below(6);
        return server->AnswerLetter(luck == 0   ? Outcome::kLost
                                    : luck == 1 ? Outcome::kUnanswered
                                                : Outcome::kDone);
      }
      return;
    case Act::kPublish: {
      int records = 0;
      for (const LogPart& each : log_.parts()) records += static_cast<int>(each.records.size());
      if (records >= kMostRecords) return;
      log_.Append(part, random.Between(1, 4), random);
      checker_.OnAppended();
      return kafka_.WakeAll();
    }
    default:
      log_.Truncate(part, random.Between(1, 4));
      checker_.OnTruncated(part);
  }
}

void World::LegacyStep(const Step& step, Random& random) {
  if (setup_.assignor == Assignor::kCooperative) return;  // Its assignors are eager.
  if (step.act == Act::kLegacyJoin && legacy_ == nullptr) {
    legacy_ = std::make_unique<Legacy>(log_, coordinator_, checker_);
  } else if (legacy_ != nullptr && step.act == Act::kLegacyLeave) {
    legacy_.reset();
  } else if (legacy_ != nullptr) {
    legacy_->Act(random);
  }
}

void World::Read(WorldServer& server, Client& client, Random& random) {
  if (client.Take()) {
    if (random.OneIn(2)) client.TellWritten();
    if (random.OneIn(3)) return;  // It has not read it yet.
  }
  const std::vector<EventId> killers = client.Read();
  if (killers.empty()) return client.TellWritten();
  if (random.OneIn(2)) client.SettleBefore(server.acks(), killers);
  checker_.Blame(client.member(), killers);
  if (setup_.kills_server) {
    const auto found = std::find_if(servers_.begin(), servers_.end(),
                                    [&](const auto& each) { return each.get() == &server; });
    Crash(static_cast<std::size_t>(found - servers_.begin()), random);
  } else {
    client.Vanish();
  }
}

void World::Network(std::uint32_t turn, Random& random) {
  const Coordinator::MemberId member = coordinator_.FindRequest(turn);
  if (member < 0) return;
  const int luck = random.Below(8);
  coordinator_.Process(member, luck == 0   ? Outcome::kLost
                               : luck == 1 ? Outcome::kUnanswered
                                           : Outcome::kDone);
}

void World::Advance(Random& random) {
  constexpr int kMilliseconds[] = {10, 300, 1000, 1000, 3000, 6000, 12'000};
  Pass(absl::Milliseconds(kMilliseconds[random.Below(7)]));
}

void World::Pass(absl::Duration time) {
  if (checker_.traces()) std::printf("    (%s pass)\n", absl::FormatDuration(time).c_str());
  clock_.Advance(time);
  coordinator_.Tick();
}

void World::Connect(std::uint32_t turn) {
  int streams = 0;
  for (const auto& server : servers_) streams += static_cast<int>(server->clients().size());
  WorldServer& server = ServerOf(turn);
  if (streams >= kMostStreams || server.draining()) return;
  const int name = names_++;
  server.Connect(
      std::make_unique<Client>(name, setup_, log_, checker_, kafka_.Expect(std::to_string(name))));
}

void World::Crash(std::size_t index, Random& random) {
  WorldServer& server = *servers_[index];
  const bool letters = random.OneIn(2);
  for (const auto& client : server.clients()) {
    if (client->member() < 0) continue;
    const int most = static_cast<int>(coordinator_.requests(client->member()));
    coordinator_.Kill(client->member(), static_cast<std::size_t>(random.Between(0, most)));
  }
  server.Kill(letters);
  servers_[index] = std::make_unique<WorldServer>(setup_, log_, clock_, kafka_, checker_);
}

void World::ReplaceDrained() {
  for (auto& server : servers_) {
    server->Tidy();
    if (server->draining() && server->clients().empty()) {
      server = std::make_unique<WorldServer>(setup_, log_, clock_, kafka_, checker_);
    }
  }
}

// ---- What happens by itself.

void World::Flow() {
  for (int i = 0; i < kFlowRounds && verdict().empty(); ++i) {
    if (!FlowOnce()) return;
  }
}

bool World::FlowOnce() {
  bool any = legacy_ != nullptr && legacy_->Follow();
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    any = servers_[i]->Run() || any;
    any = ReadAll(*servers_[i]) || any;
    while (servers_[i]->has_letter()) {
      servers_[i]->AnswerLetter(Outcome::kDone);
      any = true;
    }
  }
  for (Coordinator::MemberId member = coordinator_.FindRequest(0); member >= 0;
       member = coordinator_.FindRequest(0)) {
    coordinator_.Process(member, Outcome::kDone);
    any = true;
  }
  return any;
}

// True: somebody has read something. A reader may be the end of its server.
bool World::ReadAll(WorldServer& server) {
  Random random(7);
  for (const auto& client : server.clients()) {
    if (client->over() || !client->readable()) continue;
    Read(server, *client, random);
    return true;
  }
  return false;
}

absl::Time World::NextTimer() const {
  absl::Time next = coordinator_.next_tick();
  for (const auto& server : servers_) next = std::min(next, server->next_timer());
  return next;
}

void World::Finish() {
  legacy_.reset();
  for (int round = 0; round < kFinishRounds && verdict().empty(); ++round) {
    ReplaceDrained();
    Flow();
    bool settled = false;
    WorldServer* server = nullptr;
    for (std::uint32_t i = 0; i < kMostStreams; ++i) {
      Client* const client = ClientOf(i, &server);
      if (client == nullptr) break;
      settled = client->SettleAll(server->acks()) || settled;
    }
    if (ClientOf(0, &server) == nullptr) Connect(static_cast<std::uint32_t>(round));
    if (settled) continue;
    if (checker_.AllSettled() && checker_.AllTold()) break;
    const absl::Time next = NextTimer();
    Pass(next == absl::InfiniteFuture() ? absl::Seconds(1)
                                        : std::max(next - clock_.Now(), absl::ZeroDuration()));
  }
  checker_.OnFinished();
}

Result Run(const Schedule& schedule, bool trace) {
  World world(schedule.setup, trace);
  Result result;
  for (; result.step < schedule.steps.size() && world.verdict().empty(); ++result.step) {
    const Step& step = schedule.steps[result.step];
    if (trace) std::printf("    %s %u %u\n", Name(step.act), step.a, step.b);
    world.Do(step);
  }
  if (world.verdict().empty()) world.Finish();
  result.verdict = world.verdict();
  result.counts = world.counts();
  return result;
}

}  // namespace eventbus::simulation
