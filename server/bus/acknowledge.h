#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "eventbus/v1/errors.pb.h"
#include "server/base/mutex.h"
#include "server/bus/ack_token.h"

namespace eventbus::bus {

// What one call asks for, taken as a whole: events named in `retries` and `dead_letters` are not
// settled by the token of their batch in `acks`. Asks are counted through the three lists, in the
// order of the members.
template <typename Token>
struct Settlement {
  struct Retry {
    Token token;
    // Unset: as the group's policy says.
    absl::optional<absl::Duration> delay;
  };
  struct DeadLetter {
    Token token;
    std::string reason;
  };

  std::size_t size() const { return acks.size() + retries.size() + dead_letters.size(); }

  std::vector<Token> acks;
  std::vector<Retry> retries;
  std::vector<DeadLetter> dead_letters;
};

// A token that settled nothing, and why: ACK_TOKEN_INVALID, ACK_TOKEN_NOT_OWNED, ACK_TOKEN_EXPIRED
// or DEAD_LETTER_DISABLED.
struct AckError {
  std::string token;
  v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
};

// A stream whose events can be settled. Thread-safe.
class AckTarget {
 public:
  // For each ask, in their order, the reason why it settled nothing; UNSPECIFIED: it did.
  using Done = absl::AnyInvocable<void(std::vector<v1::ErrorReason>)>;

  virtual ~AckTarget() = default;

  // Settles what the asks, all of this stream, are for. `done` runs once, on any thread, as
  // soon as they have been accepted; also where the stream ends meanwhile. One that is destroyed
  // instead, as with a queue that is dropped, answers ACK_TOKEN_NOT_OWNED for all. So a call is
  // left without an answer only by a target that outlives its stream and keeps `done`, which none
  // may.
  virtual void Settle(Settlement<AckToken> asked, Done done) = 0;
};

// The streams of this server whose events can be settled, by the random part of their tokens.
// Thread-safe; a target is called under no lock.
class AckRegistry {
 public:
  // The errors, in the order of the asks.
  using Done = absl::AnyInvocable<void(std::vector<AckError>)>;

  // Enters a stream under a random part that no other has, which is returned.
  std::uint64_t Enter(std::weak_ptr<AckTarget> target);
  void Leave(std::uint64_t stream);

  // Settles what is asked: each stream is called once, with its own. Text that is no
  // token is ACK_TOKEN_INVALID, a stream that is not here or has gone ACK_TOKEN_NOT_OWNED. `done`
  // runs once, when all have answered (AckTarget::Settle says why all do), on the thread of the
  // last; in this call where no stream is concerned.
  void Settle(Settlement<std::string> asked, Done done);

 private:
  Mutex mu_;
  std::map<std::uint64_t, std::weak_ptr<AckTarget>> targets_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::bus
