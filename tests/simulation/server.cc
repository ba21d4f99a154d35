#include "tests/simulation/server.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "tests/fakes/schema.h"

namespace eventbus::simulation {
namespace {

constexpr char kGroup[] = "the-group";
// Tasks that wake each other for ever.
constexpr int kSpinning = 20'000;
constexpr absl::Duration kDrain = absl::Seconds(25);

const bus::Filter& TheFilter() {
  static const bus::Filter& filter = *new bus::Filter(
      bus::Filter::Parse({"document.*", "query.*"}, fakes::Schema::Get().catalog).value());
  return filter;
}

bus::GroupOptions OptionsOf(const Setup& setup, const WorldLog& log, int name) {
  bus::GroupOptions options;
  options.settling.max_events = setup.max_outstanding;
  options.settling.max_span = setup.max_span;
  options.settling.dead_letters = setup.dead_letters;
  options.settling.max_failures = setup.max_failures;
  options.settling.max_backoff = absl::Seconds(8);
  options.ack_timeout = absl::Seconds(setup.ack_timeout_seconds);
  options.source.group_id = kGroup;
  options.source.topics = log.topics();
  options.source.client_id = absl::StrCat(name);
  if (setup.filter) options.reader.filter = TheFilter();
  options.reader.batch.max_events = setup.batch;
  options.stream_id = absl::StrCat(name);
  return options;
}

}  // namespace

WorldServer::WorldServer(const Setup& setup, const WorldLog& log, const fakes::ManualClock& clock,
                         WorldKafka& kafka, Checker& checker)
    : setup_(setup),
      log_(log),
      checker_(checker),
      executor_(clock),
      blocking_(clock),
      monitor_(kafka, blocking_, clock, bus::ClusterMonitor::Options()),
      context_{fakes::Schema::Get().catalog,
               *fakes::Schema::Get().plan,
               kafka,
               kafka,
               monitor_,
               executor_,
               blocking_,
               clock,
               /*tails=*/nullptr,
               &acks_,
               /*dead_letters=*/this} {}

WorldServer::~WorldServer() {
  if (!dead_) Kill(/*letters_written=*/false);
}

Client& WorldServer::Connect(std::unique_ptr<Client> client) {
  clients_.push_back(std::move(client));
  Client& added = *clients_.back();
  added.SetGroup(
      bus::Group::Make(context_, registry_, OptionsOf(setup_, log_, added.name()), added.sink()));
  added.group()->Start();
  return added;
}

bool WorldServer::Run() {
  bool ran = false;
  for (int i = 0; i < kSpinning; ++i) {
    const bool any = RunOne() || LookUpOne();
    if (!any) return ran;
    ran = true;
  }
  checker_.Fail("a server spins");
  return false;
}

void WorldServer::Drain() {
  draining_ = true;
  for (const auto& client : clients_) {
    if (client->member() >= 0) checker_.OnEnding(client->member());
    client->group()->Drain(kDrain);
  }
  registry_.Drain(kDrain);
}

// Its streams then end in a world where nothing comes of it, so that all of them are let go.
void WorldServer::Kill(bool letters_written) {
  dead_ = true;
  for (const auto& client : clients_) client->Cut();
  for (Waiting& letter : std::exchange(letters_, {})) {
    if (letters_written) checker_.OnLetterWritten(letter.member, letter.id);
    letter.done(absl::CancelledError("dead"));
  }
  for (const auto& client : clients_) client->group()->OnGone();
  registry_.Drain(absl::ZeroDuration());
  Run();
  executor_.Stop();
  blocking_.Stop();
  clients_.clear();
}

void WorldServer::Tidy() {
  std::erase_if(clients_, [](const auto& client) {
    // Nobody but the client has it: its task is over.
    return client->over() && client->group().use_count() == 1;
  });
}

Coordinator::MemberId WorldServer::HolderOf(const bus::DeadLetter& letter) const {
  const kafka::RecordView& record = letter.record.view();
  for (const auto& client : clients_) {
    if (client->member() >= 0 &&
        checker_.Has(client->member(), log_.Find(record.topic, record.partition))) {
      return client->member();
    }
  }
  return -1;
}

void WorldServer::Write(bus::DeadLetter letter, Done done) {
  if (dead_) return done(absl::CancelledError("dead"));
  const kafka::RecordView& record = letter.record.view();
  const int part = log_.Find(record.topic, record.partition);
  const EventId id{part, log_.part(part).IndexFrom(record.offset)};
  const Coordinator::MemberId member = HolderOf(letter);
  checker_.OnLetter(member, id, letter.reason, letter.deliveries);
  letters_.push_back({member, id, std::move(done)});
}

void WorldServer::AnswerLetter(Outcome outcome) {
  Waiting letter = std::move(letters_.front());
  letters_.pop_front();
  if (outcome != Outcome::kLost) checker_.OnLetterWritten(letter.member, letter.id);
  letter.done(outcome == Outcome::kDone
                  ? absl::OkStatus()
                  : MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "not written"));
}

}  // namespace eventbus::simulation
