#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "eventbus/v1/errors.pb.h"
#include "server/bus/commit_metadata.h"
#include "server/kafka/consumer.h"
#include "tests/fakes/manual_executor.h"
#include "tests/simulation/log.h"
#include "tests/simulation/schedule.h"

namespace eventbus::simulation {

// How much of what happened: that schedules come to what they are to try.
struct Counts {
  std::int64_t deliveries = 0;
  std::int64_t again = 0;  // Of those.
  std::int64_t acknowledged = 0;
  std::int64_t retried = 0;
  std::int64_t letters = 0;
  std::int64_t killers = 0;     // Of those.
  std::int64_t resumed = 0;     // Partitions that came back, and went on.
  std::int64_t begun = 0;       // Partitions that began at what Kafka has.
  std::int64_t broken = 0;      // Promises whose window came.
  std::int64_t alone = 0;       // Commits that announce events, where care is taken.
  std::int64_t gaps = 0;        // That clients have read.
  std::int64_t gaps_again = 0;  // Of those: read before.

  Counts& operator+=(const Counts& other);
};

// Judges what happens in a world by what docs/guarantees.md says. It hears of everything as it
// happens and keeps its own account; the first thing that is wrong is the verdict.
//
// An event whose acknowledgement was accepted has a promise: it does not come again. The promise
// ends where the guarantees name a window: its server is killed or its member is lost before the
// next commit, or the commit of a clean end fails; it was parked and the partition went elsewhere;
// a member that knows nothing of us committed without the metadata; Kafka did not take the
// metadata.
class Checker {
 public:
  using Member = int;  // A stream's member of the group.

  Checker(const Setup& setup, const WorldLog& log, const fakes::ManualClock& clock)
      : setup_(setup), log_(log), clock_(clock), parts_(log.parts().size()) {}

  // Prints what is heard.
  void SetTrace(bool on) { trace_ = on; }
  bool traces() const { return trace_; }

  const std::string& verdict() const { return verdict_; }  // Empty: nothing is wrong.
  void Fail(std::string what) {
    if (verdict_.empty()) verdict_ = std::move(what);
  }

  // ---- Deliveries and what clients say of them.
  // In a batch that goes to the client. Returns which delivery of the event it is.
  int OnDelivered(Member member, EventId id, int attempt);
  // Answers: `reason` UNSPECIFIED: it was done.
  struct Ask {
    EventId id;
    int delivery = 0;
  };
  void OnAcknowledged(Member member, const Ask& ask, v1::ErrorReason reason);
  void OnRetried(Member member, const Ask& ask, absl::optional<absl::Duration> delay,
                 v1::ErrorReason reason);
  // After all retries of a call: what comes behind them is no longer with the client.
  void OnRecalled(Member member);
  void OnGivenUp(Member member, const Ask& ask, v1::ErrorReason reason);
  // Of a batch's token; `events`: those of the batch that the call does not name.
  void OnBatchAcknowledged(Member member, const std::vector<Ask>& events, v1::ErrorReason reason);
  // Whether its server takes the partition for its own.
  bool Has(Member member, int part) { return hold(member, part).own != Own::kNo; }
  // A write to its client is under way, or is done.
  void OnWriting(Member member, bool writing) {
    holds(member).writing_since = writing ? clock_.Now() : absl::InfiniteFuture();
  }
  // The stream may refuse what it has, from now on.
  void OnEnding(Member member) { holds(member).ending = true; }

  // ---- Dead letters.
  void OnLetter(Member member, EventId id, const std::string& reason, int deliveries);
  void OnLetterWritten(Member member, EventId id);

  // ---- The group.
  void OnLookedUp(Member member, int part);
  // It has begun `parts`, so far; where that is not `all` of its assignment, what was parked waits.
  void OnAssigned(Member member, const std::vector<int>& parts, bool all);
  // Released by the server; released as Kafka sees it; lost as the server sees it, and as Kafka
  // sees it.
  void OnParked(Member member, const std::vector<int>& parts);
  void OnReleased(Member member, const std::vector<int>& parts);
  void OnLost(Member member, const std::vector<int>& parts);
  void OnKicked(Member member);
  // It has an assignment that it has not answered, and which is lost.
  void OnAssignmentLost(Member member);
  // It has left, or is dead.
  void OnEnded(Member member, bool clean);
  // Its stream has ended with OK.
  void OnClosedOk(Member member);
  // Its client ended without a word.
  void OnUnclean(Member member);
  // That the member ends uncleanly is the doing of `killers`: of what it has nothing else may be
  // counted for it.
  void Blame(Member member, const std::vector<EventId>& killers);

  void OnCommitting(Member member, const std::vector<kafka::GroupOffset>& offsets);
  void OnApplied(Member member, const std::vector<kafka::GroupOffset>& offsets);
  void OnCommitFailed(Member member, const std::vector<kafka::GroupOffset>& offsets);
  void OnCommitKnown(Member member, const std::vector<kafka::GroupOffset>& offsets);

  // ---- Others.
  void OnAppended() { Grow(); }
  void OnTruncated(int part);
  // A client has read that these are gone.
  void OnGapRead(int part, const bus::Span& gap);
  void OnLegacyRead(EventId id);
  void OnLegacyCommit(int part, std::int64_t offset);

  // Everything has calmed down.
  void OnFinished();
  // Whether there is nothing left to wait for.
  bool AllSettled() const;
  bool AllTold() const;

  const Counts& counts() const { return counts_; }

 private:
  struct Event {
    bool delivered = false;
    bool settled = false;  // At any time, by whomever.
    // Retention took it, and a client has read so, or nobody has to be told.
    bool told = false;
    bool promised = false;
    Member promised_by = -1;
    std::uint64_t promised_at = 0;
    bool weak = false;  // Accepted while the partition was parked.
    Member out = -1;    // With the client of this member, by its newest delivery.
    // With the clients of these: of more than one where a member that was lost for a while goes on.
    std::vector<Member> with;
    Member home = -1;  // By whom it was delivered last, while it has it without a break.
    int delivery = 0;
    int attempt = 0;
    absl::Time delivered_at = absl::InfiniteFuture();
    bool retried = false;  // Waits to be delivered again.
    absl::Time not_before = absl::InfinitePast();
    int retries = 0;
    int suspicions = 0;  // Unclean ends that may have been its doing.
    bool given_up = false;
    bool failed = false;  // By a retry too many.
    bool ever_given_up = false;
    Member letter_of = -1;  // Of whom a letter is being written or was.
    bool letter_written = false;
  };
  struct Part {
    std::vector<Event> events;
    std::size_t settled_to = 0;  // All events below are settled.
    absl::optional<kafka::GroupOffset> committed;
    std::vector<bus::Span> spans;  // Of `committed`.
  };
  enum class Own { kNo, kOwned, kParked };
  struct Hold {
    Own own = Own::kNo;
    bool kicked = false;
    absl::optional<kafka::GroupOffset> known;
    // Since then, the last eight: Kafka may have them, whatever it answered.
    std::deque<kafka::GroupOffset> sent;
    absl::optional<kafka::GroupOffset> looked_up;
    std::uint64_t failed_at = 0;
    bool moved = false;  // While it is parked, somebody else has begun to read it.
    bus::Span out;       // By the mark of its last commit.

    void Know(const kafka::GroupOffset& offset);
    // Whether it has committed what it looked up, as far as it knows.
    bool Recognizes() const;
  };
  struct Holds {
    std::vector<Hold> parts;
    bool ending = false;
    absl::Time writing_since = absl::InfiniteFuture();
    bool stale = false;            // What it is about to begin with is lost already.
    absl::optional<EventId> owed;  // Settled, and not in Kafka when it left.
  };

  Part& part(int index) { return parts_[static_cast<std::size_t>(index)]; }
  Event& event(EventId id) { return part(id.part).events[static_cast<std::size_t>(id.index)]; }
  Holds& holds(Member member);
  Hold& hold(Member member, int part) {
    return holds(member).parts[static_cast<std::size_t>(part)];
  }
  void Grow();
  void Trace(const std::string& what) const;
  std::string Name(EventId id) const;
  bool Exempt(EventId id) const;
  bool IsSettled(EventId id) { return event(id).settled || Exempt(id); }
  bool MayBeLetter(EventId id);
  bool IsTold(EventId id) const;
  bool Covered(const Part& part, std::int64_t offset) const;
  void CheckOrder(Member member, EventId id);
  void CheckAttempt(Member member, EventId id, int attempt);
  void CheckHandover(Member member, int part, bool excused);
  void NoteOwed(Member member, int part);
  static void TakeBack(Event& e, Member member);
  void ForgetOut(Member member, int part);
  void BreakPromises(Member member, int part);
  void Accept(Member member, EventId id);
  bool IsOut(Member member, const Ask& ask);
  // Others may have the partition, and its server does not know it yet.
  bool IsUnaware(Member member, int part) {
    return hold(member, part).kicked || hold(member, part).moved;
  }
  void Refused(Member member, const Ask& ask, v1::ErrorReason reason, const char* what);
  void Begin(Member member, int part);
  void Suspect(Member member, int part);
  void SuspectIfTimedOut(Event& e);

  const Setup& setup_;
  const WorldLog& log_;
  const fakes::ManualClock& clock_;
  std::vector<Part> parts_;
  std::vector<Holds> members_;
  std::vector<EventId> recalled_;  // Those retried by the call under way.
  std::uint64_t now_ = 0;
  Member blamed_ = -1;
  bool trace_ = false;
  Counts counts_;
  std::string verdict_;
};

}  // namespace eventbus::simulation
