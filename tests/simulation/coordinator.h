#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/kafka/consumer.h"
#include "tests/fakes/manual_executor.h"
#include "tests/simulation/log.h"
#include "tests/simulation/schedule.h"

namespace eventbus::simulation {

class Checker;

// What becomes of a request.
enum class Outcome {
  kDone,
  kLost,
  kUnanswered
};  // kUnanswered: Kafka did it, and could not say so.

// The group as its coordinator and the protocols of its members' clients see it. Members ask by
// requests, which reach it one by one when the world says so; it tells them by events, which they
// take when they run.
class Coordinator {
 public:
  using MemberId = int;
  using Parts = std::vector<int>;
  using Done = kafka::GroupConsumer::Done;

  static constexpr absl::Duration kSession = absl::Seconds(10);
  static constexpr absl::Duration kLeavePatience = absl::Seconds(5);

  Coordinator(const Setup& setup, const WorldLog& log, const fakes::ManualClock& clock,
              Checker& checker)
      : setup_(setup),
        log_(log),
        clock_(clock),
        checker_(checker),
        committed_(log.parts().size()) {}

  // ---- The member's side.
  // `wake`: there is an event.
  MemberId Join(std::function<void()> wake);
  // Answers the assignment, if there is one to answer.
  void Assign(MemberId member);
  const Parts& owned(MemberId member) const { return at(member).owned; }
  void Release(MemberId member);
  void Commit(MemberId member, std::vector<kafka::GroupOffset> offsets, Done done);
  void Leave(MemberId member, std::vector<kafka::GroupOffset> offsets, Done done);
  // Leaves without a word more.
  void Drop(MemberId member);
  // One that is answered at once; false: Kafka did not take it.
  bool CommitNow(MemberId member, const kafka::GroupOffset& offset);
  // Hands out what is next; false: nothing is. `parts` of what is given and taken.
  struct Receiver {
    virtual ~Receiver() = default;
    virtual void OnAssigned(const Parts& parts) = 0;
    virtual void OnRevoked(const Parts& parts, bool lost) = 0;
  };
  bool TakeEvent(MemberId member, Receiver& receiver);

  const absl::optional<kafka::GroupOffset>& committed(int part) const {
    return committed_[static_cast<std::size_t>(part)];
  }

  // ---- The world's side.
  bool has_request(MemberId member) const { return !at(member).requests.empty(); }
  // Whoever has one, by turns; -1: nobody.
  MemberId FindRequest(std::uint32_t turn) const;
  void Process(MemberId member, Outcome outcome);
  // Its process is killed: of its requests the first `reached` came through.
  void Kill(MemberId member, std::size_t reached);
  // Kafka has not heard of it for too long. False: it is not one that could be.
  bool Kick(MemberId member);
  // Time has gone by.
  void Tick();
  absl::Time next_tick() const;
  std::size_t requests(MemberId member) const { return at(member).requests.size(); }

 private:
  struct Request {
    std::vector<kafka::GroupOffset> offsets;
    Done done;
    int generation = 0;
    bool leaves = false;
    absl::Time by = absl::InfiniteFuture();
  };
  struct Event {
    enum class Kind { kAssigned, kRevoked, kLost, kReply };
    Kind kind = Kind::kReply;
    Parts parts;
    Done done;
    absl::Status status;
  };
  struct Member {
    std::function<void()> wake;
    bool in_group = true;  // Of the last generation, or joining.
    bool dead = false;
    bool leaving = false;
    absl::Time expires = absl::InfiniteFuture();
    int generation = 0;
    Parts owned;
    bool rejoined = false;
    bool awaiting_assign = false;
    bool revoking = false;
    bool releasing = false;
    bool lost = false;  // The revocation.
    bool loss_waits = false;
    Parts revoked;
    std::deque<Request> requests;
    std::deque<Event> events;
  };

  Member& at(MemberId member) { return *members_.at(static_cast<std::size_t>(member)); }
  const Member& at(MemberId member) const { return *members_.at(static_cast<std::size_t>(member)); }
  bool cooperative() const { return setup_.assignor == Assignor::kCooperative; }

  void StartRebalance();
  void Ask(Member& member);
  void TryComplete();
  void Give(MemberId id, const Parts& target);
  std::map<MemberId, Parts> Deal() const;
  void DealSticky(const std::vector<MemberId>& ids, std::map<MemberId, Parts>& dealt) const;
  void Revoke(Member& member, Parts parts, bool lost);
  void FinishRelease(MemberId id);
  void Remove(MemberId id);
  void Tell(Member& member, Event event);
  absl::Status Apply(MemberId id, const Request& request, Outcome outcome);
  void Answer(MemberId id, Request& request, const absl::Status& status);
  bool OwnedByAnyBut(const Member& member, int part) const;

  const Setup& setup_;
  const WorldLog& log_;
  const fakes::ManualClock& clock_;
  Checker& checker_;
  std::vector<std::unique_ptr<Member>> members_;  // By their ids; those that have left, too.
  bool preparing_ = false;
  int generation_ = 0;
  std::vector<absl::optional<kafka::GroupOffset>> committed_;
};

}  // namespace eventbus::simulation
