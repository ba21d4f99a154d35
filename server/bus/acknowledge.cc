#include "server/bus/acknowledge.h"

#include <atomic>
#include <cassert>
#include <random>
#include <utility>

namespace eventbus::bus {
namespace {

// Of the system, so that it cannot be guessed.
std::uint64_t Random() {
  std::random_device source;
  return std::uint64_t{source()} << 32 | source();
}

// One call, until every stream has answered. Streams write different reasons, so that only the
// count is shared.
struct Call {
  void Finish() {
    std::vector<AckError> errors;
    for (std::size_t i = 0; i < reasons.size(); ++i) {
      if (reasons[i] == v1::ERROR_REASON_UNSPECIFIED) continue;
      errors.push_back({std::move(TokenOf(i)), reasons[i]});
    }
    done(std::move(errors));
  }

  std::string& TokenOf(std::size_t ask) {
    if (ask < asked.acks.size()) return asked.acks[ask];
    ask -= asked.acks.size();
    if (ask < asked.retries.size()) return asked.retries[ask].token;
    return asked.dead_letters[ask - asked.retries.size()].token;
  }

  Settlement<std::string> asked;
  std::vector<v1::ErrorReason> reasons;  // Of each ask.
  AckRegistry::Done done;
  std::atomic<std::size_t> unanswered{0};
};

// The asks of one stream in a call. Answers in its destructor where nobody has.
class Part {
 public:
  Part(std::shared_ptr<Call> call, std::vector<std::size_t> places)
      : call_(std::move(call)), places_(std::move(places)) {}
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  ~Part() {
    if (call_ == nullptr) return;
    Answer(std::vector<v1::ErrorReason>(places_.size(), v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED));
  }

  void Answer(const std::vector<v1::ErrorReason>& reasons) {
    assert(reasons.size() == places_.size());
    const std::shared_ptr<Call> call = std::exchange(call_, nullptr);
    for (std::size_t i = 0; i < places_.size(); ++i) call->reasons[places_[i]] = reasons[i];
    if (call->unanswered.fetch_sub(1) == 1) call->Finish();
  }

 private:
  std::shared_ptr<Call> call_;  // Null once answered.
  const std::vector<std::size_t> places_;
};

// What a call asks of one stream.
struct Share {
  std::shared_ptr<AckTarget> target;  // Null: gone.
  Settlement<AckToken> asked;
  std::vector<std::size_t> places;  // In the call, of each.
};

using Shares = std::map<std::uint64_t, Share>;

// The share that the ask has its place in; null where its token is none: it is refused.
Settlement<AckToken>* FindShare(Call& call, std::size_t ask, AckToken& token, Shares& shares) {
  const auto parsed = ParseAckToken(call.TokenOf(ask));
  if (!parsed.has_value()) {
    call.reasons[ask] = v1::ERROR_REASON_ACK_TOKEN_INVALID;
    return nullptr;
  }
  token = *parsed;
  Share& share = shares[token.stream];
  share.places.push_back(ask);
  return &share.asked;
}

// The asks by stream, in their order.
Shares Split(Call& call) {
  Shares shares;
  std::size_t ask = 0;
  AckToken token;
  for (std::size_t i = 0; i < call.asked.acks.size(); ++i) {
    if (auto* share = FindShare(call, ask++, token, shares)) share->acks.push_back(token);
  }
  for (const auto& retry : call.asked.retries) {
    if (auto* share = FindShare(call, ask++, token, shares)) {
      share->retries.push_back({token, retry.delay});
    }
  }
  for (auto& letter : call.asked.dead_letters) {
    if (auto* share = FindShare(call, ask++, token, shares)) {
      share->dead_letters.push_back({token, std::move(letter.reason)});
    }
  }
  return shares;
}

// Before any stream is asked: after that the last answer may be on its way.
void RefuseWhatIsGone(Call& call, Shares& shares) {
  std::erase_if(shares, [&call](const auto& entry) {
    const Share& share = entry.second;
    if (share.target != nullptr) return false;
    for (const std::size_t place : share.places) {
      call.reasons[place] = v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED;
    }
    return true;
  });
}

}  // namespace

std::uint64_t AckRegistry::Enter(std::weak_ptr<AckTarget> target) {
  MutexLock lock(mu_);
  std::uint64_t stream = Random();
  while (targets_.count(stream) > 0) stream = Random();
  targets_.emplace(stream, std::move(target));
  return stream;
}

void AckRegistry::Leave(std::uint64_t stream) {
  MutexLock lock(mu_);
  targets_.erase(stream);
}

void AckRegistry::Settle(Settlement<std::string> asked, Done done) {
  const auto call = std::make_shared<Call>();
  call->reasons.resize(asked.size(), v1::ERROR_REASON_UNSPECIFIED);
  call->asked = std::move(asked);
  call->done = std::move(done);
  Shares shares = Split(*call);
  {
    MutexLock lock(mu_);
    for (auto& [stream, share] : shares) {
      const auto found = targets_.find(stream);
      if (found != targets_.end()) share.target = found->second.lock();
    }
  }
  RefuseWhatIsGone(*call, shares);
  call->unanswered = shares.size();
  if (shares.empty()) return call->Finish();
  for (auto& [stream, share] : shares) {
    auto part = std::make_unique<Part>(call, std::move(share.places));
    share.target->Settle(std::move(share.asked),
                         [part = std::move(part)](const std::vector<v1::ErrorReason>& reasons) {
                           part->Answer(reasons);
                         });
  }
}

}  // namespace eventbus::bus
