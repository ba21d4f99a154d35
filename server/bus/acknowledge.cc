#include "server/bus/acknowledge.h"

#include <atomic>
#include <cassert>
#include <cstddef>
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
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (reasons[i] == v1::ERROR_REASON_UNSPECIFIED) continue;
      errors.push_back({std::move(tokens[i]), reasons[i]});
    }
    done(std::move(errors));
  }

  std::vector<std::string> tokens;
  std::vector<v1::ErrorReason> reasons;  // As many.
  AckRegistry::Done done;
  std::atomic<std::size_t> unanswered{0};
};

// The tokens of one stream in a call. Answers in its destructor where nobody has.
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
  std::vector<AckToken> tokens;
  std::vector<std::size_t> places;  // In the call, as many.
};

// The tokens by stream; those that are none are refused.
std::map<std::uint64_t, Share> Split(Call& call) {
  std::map<std::uint64_t, Share> shares;
  for (std::size_t i = 0; i < call.tokens.size(); ++i) {
    const auto token = ParseAckToken(call.tokens[i]);
    if (!token.has_value()) {
      call.reasons[i] = v1::ERROR_REASON_ACK_TOKEN_INVALID;
      continue;
    }
    Share& share = shares[token->stream];
    share.tokens.push_back(*token);
    share.places.push_back(i);
  }
  return shares;
}

// Before any stream is asked: after that the last answer may be on its way.
void RefuseWhatIsGone(Call& call, std::map<std::uint64_t, Share>& shares) {
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

void AckRegistry::Acknowledge(const std::vector<std::string>& tokens, Done done) {
  const auto call = std::make_shared<Call>();
  call->tokens = tokens;
  call->reasons.resize(tokens.size(), v1::ERROR_REASON_UNSPECIFIED);
  call->done = std::move(done);
  std::map<std::uint64_t, Share> shares = Split(*call);
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
    share.target->Settle(std::move(share.tokens),
                         [part = std::move(part)](const std::vector<v1::ErrorReason>& reasons) {
                           part->Answer(reasons);
                         });
  }
}

}  // namespace eventbus::bus
