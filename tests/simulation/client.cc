#include "tests/simulation/client.h"

#include <algorithm>
#include <map>
#include <utility>

#include "eventbus/v1/event_bus_service.pb.h"

namespace eventbus::simulation {
namespace {

constexpr std::size_t kMostDone = 20;

v1::ErrorReason ReasonOf(const std::vector<bus::AckError>& errors, const std::string& token) {
  for (const bus::AckError& error : errors) {
    if (error.token == token) return error.reason;
  }
  return v1::ERROR_REASON_UNSPECIFIED;
}

}  // namespace

// Tells the checker what is delivered as it is handed over.
class Client::Sink final : public bus::StreamSink {
 public:
  Sink(const WorldLog& log, Checker& checker, std::shared_ptr<ConsumerLink> link)
      : log_(log), checker_(checker), link_(std::move(link)) {}

  bool Write(bus::Message message) override {
    if (link_->cut || broken || closed || writing) return false;
    writing = true;
    if (link_->member >= 0) checker_.OnWriting(link_->member, true);
    Keep(message);
    return true;
  }

  void Close(const absl::Status& status, std::vector<bus::Message> /*last*/) override {
    if (link_->member >= 0 && !link_->cut) {
      checker_.OnEnding(link_->member);
      if (status.ok()) checker_.OnClosedOk(link_->member);
    }
    closed = true;
  }

  bool writing = false;
  bool broken = false;
  bool closed = false;
  std::vector<Held> unread;
  std::vector<Gone> gaps;
  std::vector<std::string> batches;  // All there were; the last is that of `unread`.

 private:
  void Keep(const bus::Message& message) {
    std::string bytes;
    for (const bus::Slice& part : message) bytes.append(part.view().data(), part.size);
    v1::SubscribeResponse response;
    if (!response.ParseFromString(bytes)) return checker_.Fail("a message cannot be read");
    if (response.has_gap()) {
      const v1::Gap& gap = response.gap();
      gaps.push_back(
          {log_.Find(gap.topic(), gap.partition()), {gap.first_offset(), gap.next_offset()}});
    }
    if (!response.has_batch()) return;
    for (const v1::ReceivedEvent& event : response.batch().events()) {
      const int part = log_.Find(event.topic(), event.partition());
      const EventId id{part, log_.part(part).IndexFrom(event.offset())};
      const int delivery = checker_.OnDelivered(link_->member, id, event.delivery_attempt());
      unread.push_back({id, delivery, event.ack_token(), static_cast<int>(batches.size())});
    }
    batches.push_back(response.batch().ack_token());
  }

  const WorldLog& log_;
  Checker& checker_;
  const std::shared_ptr<ConsumerLink> link_;
};

Client::Client(int name, const Setup& setup, const WorldLog& log, Checker& checker,
               std::shared_ptr<ConsumerLink> link)
    : name_(name),
      setup_(setup),
      log_(log),
      checker_(checker),
      link_(std::move(link)),
      sink_(std::make_shared<Sink>(log, checker, link_)) {}

std::shared_ptr<bus::StreamSink> Client::sink() const { return sink_; }
bool Client::over() const { return gone_ || sink_->closed || link_->cut; }
bool Client::readable() const {
  return sink_->writing || !unread_.empty() || !unread_gaps_.empty();
}

bool Client::Take() {
  if (!sink_->writing || std::exchange(taken_, true)) return false;
  for (Held& held : std::exchange(sink_->unread, {})) unread_.push_back(std::move(held));
  for (const Gone& gap : std::exchange(sink_->gaps, {})) unread_gaps_.push_back(gap);
  return true;
}

void Client::TellWritten() {
  if (!std::exchange(taken_, false)) return;
  sink_->writing = false;
  if (member() >= 0) checker_.OnWriting(member(), false);
  group_->OnWritten();
}

// Gaps first: what goes before a killer is read, too.
std::vector<EventId> Client::Read() {
  std::vector<EventId> killers;
  for (const Gone& gap : std::exchange(unread_gaps_, {})) {
    checker_.OnGapRead(gap.part, gap.offsets);
  }
  for (Held& held : std::exchange(unread_, {})) {
    if (log_.record(held.id).kind == Kind::kKiller) killers.push_back(held.id);
    in_batches_.resize(sink_->batches.size());
    in_batches_[static_cast<std::size_t>(held.batch)].push_back(held);
    held_.push_back(std::move(held));
  }
  in_batches_.resize(sink_->batches.size());
  return killers;
}

void Client::AddAck(Asked& asked, const Held& held) const {
  asked.call.acks.push_back(held.token);
  asked.acks.push_back({held.id, held.delivery});
}

void Client::AddRetry(Asked& asked, const Held& held, Random& random) const {
  absl::optional<absl::Duration> delay;
  if (random.OneIn(2)) delay = absl::Milliseconds(random.Below(3000));
  asked.call.retries.push_back({held.token, delay});
  asked.retries.push_back({held.id, held.delivery});
}

void Client::Settle(bus::AckRegistry& acks, Random& random) {
  const auto asked = std::make_shared<Asked>();
  const int how = random.Below(10);
  std::vector<Held> kept;
  std::vector<int> batches;
  for (Held& held : std::exchange(held_, {})) {
    // Some or all, or those of some batches.
    const int chance = how < 3 ? 0 : how < 8 ? 2 : 5;
    if (chance > 0 && random.Below(chance) > 0) {
      kept.push_back(std::move(held));
      continue;
    }
    const int word = random.Below(8);
    if (setup_.retries && word == 0) {
      AddRetry(*asked, held, random);
    } else if (word == 1 && (setup_.dead_letters || random.OneIn(8))) {
      asked->call.dead_letters.push_back({held.token, "poison"});
      asked->letters.push_back(held);
    } else if (how == 0 || how == 3) {
      batches.push_back(held.batch);
    } else {
      AddAck(*asked, held);
    }
    done_.push_back(std::move(held));
  }
  std::sort(batches.begin(), batches.end());
  batches.erase(std::unique(batches.begin(), batches.end()), batches.end());
  for (const int batch : batches) {
    asked->call.acks.push_back(sink_->batches[static_cast<std::size_t>(batch)]);
    asked->batches.push_back(batch);
  }
  // The batch's token has settled the rest of it.
  for (Held& held : kept) {
    const bool in = std::find(batches.begin(), batches.end(), held.batch) != batches.end();
    (in ? done_ : held_).push_back(std::move(held));
  }
  if (!done_.empty() && asked->call.size() == 0) {
    AddAck(*asked, done_[static_cast<std::size_t>(random.Below(static_cast<int>(done_.size())))]);
  }
  if (done_.size() > kMostDone) {
    done_.erase(done_.begin(), done_.end() - static_cast<std::ptrdiff_t>(kMostDone));
  }
  if (asked->call.size() > 0) Send(acks, asked);
}

bool Client::SettleAll(bus::AckRegistry& acks) {
  if (held_.empty()) return false;
  const auto asked = std::make_shared<Asked>();
  for (const Held& held : std::exchange(held_, {})) AddAck(*asked, held);
  Send(acks, asked);
  return true;
}

void Client::SettleBefore(bus::AckRegistry& acks, const std::vector<EventId>& killers) {
  const auto asked = std::make_shared<Asked>();
  for (const Held& held : held_) {
    if (held.id == killers.front()) break;
    AddAck(*asked, held);
  }
  if (asked->call.size() > 0) Send(acks, asked);
}

void Client::Send(bus::AckRegistry& acks, std::shared_ptr<Asked> asked) {
  auto call = asked->call;
  acks.Settle(std::move(call),
              [this, asked = std::move(asked)](const std::vector<bus::AckError>& errors) {
                // What nobody is left to answer says nothing; nor does a dead server's word.
                if (!link_->cut) Answered(*asked, errors);
              });
}

void Client::Answered(Asked& asked, const std::vector<bus::AckError>& errors) {
  std::size_t place = 0;
  for (const Checker::Ask& ask : asked.acks) {
    checker_.OnAcknowledged(member(), ask, ReasonOf(errors, asked.call.acks[place++]));
  }
  const auto named = [&asked](const Held& held) {
    const auto is = [&held](const auto& ask) {
      return ask.id == held.id && ask.delivery == held.delivery;
    };
    return std::any_of(asked.retries.begin(), asked.retries.end(), is) ||
           std::any_of(asked.letters.begin(), asked.letters.end(), is);
  };
  for (const int batch : asked.batches) {
    std::vector<Checker::Ask> rest;
    for (const Held& held : in_batches_[static_cast<std::size_t>(batch)]) {
      if (!named(held)) rest.push_back({held.id, held.delivery});
    }
    checker_.OnBatchAcknowledged(member(), rest, ReasonOf(errors, asked.call.acks[place++]));
  }
  for (std::size_t i = 0; i < asked.letters.size(); ++i) {
    const Held& letter = asked.letters[i];
    const v1::ErrorReason reason = ReasonOf(errors, letter.token);
    checker_.OnGivenUp(member(), {letter.id, letter.delivery}, reason);
    // It is still to be settled.
    if (reason == v1::ERROR_REASON_DEAD_LETTER_DISABLED) held_.push_back(letter);
  }
  for (std::size_t i = 0; i < asked.retries.size(); ++i) {
    checker_.OnRetried(member(), asked.retries[i], asked.call.retries[i].delay,
                       ReasonOf(errors, asked.call.retries[i].token));
  }
  checker_.OnRecalled(member());
}

void Client::Vanish() {
  gone_ = true;
  sink_->broken = true;
  if (member() >= 0) checker_.OnEnding(member());
  group_->OnGone();
}

void Client::HalfClose() {
  if (member() >= 0) checker_.OnEnding(member());
  group_->OnHalfClose();
}

void Client::ReachDeadline() {
  gone_ = true;
  sink_->broken = true;
  if (member() >= 0) checker_.OnEnding(member());
  group_->OnDeadline();
}

void Client::Cut() { link_->cut = true; }

}  // namespace eventbus::simulation
