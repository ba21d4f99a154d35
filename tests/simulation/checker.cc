#include "tests/simulation/checker.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/bus/group.h"

namespace eventbus::simulation {
namespace {

constexpr auto kDone = v1::ERROR_REASON_UNSPECIFIED;

constexpr int kNeverSeconds = 1800;

std::string Offsets(const std::vector<kafka::GroupOffset>& offsets) {
  std::string text;
  for (const kafka::GroupOffset& offset : offsets) {
    absl::StrAppend(&text, " ", offset.partition.topic.substr(0, 1), offset.partition.partition,
                    "@", offset.offset, "[", offset.metadata, "]");
  }
  return text;
}

}  // namespace

Counts& Counts::operator+=(const Counts& other) {
  deliveries += other.deliveries;
  again += other.again;
  acknowledged += other.acknowledged;
  retried += other.retried;
  letters += other.letters;
  killers += other.killers;
  resumed += other.resumed;
  begun += other.begun;
  broken += other.broken;
  alone += other.alone;
  gaps += other.gaps;
  gaps_again += other.gaps_again;
  return *this;
}

Checker::Holds& Checker::holds(Member member) {
  if (members_.size() <= static_cast<std::size_t>(member)) {
    members_.resize(static_cast<std::size_t>(member) + 1);
  }
  Holds& found = members_[static_cast<std::size_t>(member)];
  if (found.parts.empty()) found.parts.resize(parts_.size());
  return found;
}

// Only where somebody reads it: it is not cheap.
void Checker::Trace(const std::string& what) const { std::printf("      %s\n", what.c_str()); }

void Checker::Grow() {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    parts_[i].events.resize(log_.parts()[i].records.size());
  }
}

std::string Checker::Name(EventId id) const {
  return absl::StrCat("event ", id.part, ":", log_.record(id).offset);
}

// Nobody is to settle it.
bool Checker::Exempt(EventId id) const {
  const Record& record = log_.record(id);
  return (record.kind == Kind::kFiltered && setup_.filter) ||
         record.offset < log_.part(id.part).begin;
}

// It may leave its key's order.
bool Checker::MayBeLetter(EventId id) {
  if (!setup_.dead_letters) return false;
  Event& e = event(id);
  SuspectIfTimedOut(e);
  return e.given_up || e.letter_of >= 0 || log_.record(id).kind == Kind::kUndecodable ||
         (setup_.max_failures > 0 && e.retries + e.suspicions >= setup_.max_failures);
}

bool Checker::Covered(const Part& part, std::int64_t offset) const {
  if (!part.committed.has_value()) return false;
  if (offset < part.committed->offset) return true;
  return std::any_of(part.spans.begin(), part.spans.end(), [offset](const bus::Span& span) {
    return offset >= span.begin && offset < span.end;
  });
}

// ---- Deliveries.

int Checker::OnDelivered(Member member, EventId id, int attempt) {
  if (trace_) Trace(absl::StrCat("member ", member, " delivers ", Name(id), ", attempt ", attempt));
  ++now_;
  Event& e = event(id);
  ++counts_.deliveries;
  counts_.again += e.delivered ? 1 : 0;
  if (hold(member, id.part).own != Own::kOwned) {
    Fail(absl::StrCat(Name(id), " is delivered by a member that does not have its partition"));
  }
  if (e.promised) Fail(absl::StrCat(Name(id), " is settled and comes again"));
  if (e.letter_written && e.letter_of == member && e.home == member) {
    Fail(absl::StrCat(Name(id), " is in the dead-letter topic and comes again"));
  }
  if (e.out == member) Fail(absl::StrCat(Name(id), " is with the client and comes again"));
  if (Exempt(id) && log_.record(id).kind == Kind::kFiltered) {
    Fail(absl::StrCat(Name(id), " does not pass the filter and is delivered"));
  }
  if (e.retried && e.home == member && clock_.Now() < e.not_before) {
    Fail(absl::StrCat(Name(id), " comes again before its time"));
  }
  CheckOrder(member, id);
  CheckAttempt(member, id, attempt);
  e.delivered = true;
  TakeBack(e, member);
  e.out = member;
  e.with.push_back(member);
  e.home = member;
  e.attempt = attempt;
  e.delivered_at = clock_.Now();
  e.retried = false;
  e.given_up = false;
  e.failed = false;
  e.letter_of = -1;
  e.letter_written = false;
  return ++e.delivery;
}

// What came before it with its key is settled, or with the same client.
void Checker::CheckOrder(Member member, EventId id) {
  const int key = log_.record(id).key;
  if (key < 0) return;
  for (EventId before{id.part, 0}; before.index < id.index; ++before.index) {
    if (log_.record(before).key != key || IsSettled(before) || MayBeLetter(before)) continue;
    const std::vector<Member>& with = event(before).with;
    if (std::find(with.begin(), with.end(), member) != with.end()) continue;
    return Fail(absl::StrCat(Name(id), " is delivered before ", Name(before), " of the same key"));
  }
}

void Checker::CheckAttempt(Member member, EventId id, int attempt) {
  Event& e = event(id);
  SuspectIfTimedOut(e);
  const int most = 1 + e.retries + e.suspicions;
  if (attempt < 1 || attempt > most) {
    Fail(absl::StrCat(Name(id), " comes with attempt ", attempt, ", it has failed ", e.retries,
                      " times, and perhaps ", e.suspicions, " times more"));
  }
  if (e.home == member && attempt < e.attempt + (e.retried ? 1 : 0)) {
    Fail(absl::StrCat(Name(id), " comes with attempt ", attempt, " after ", e.attempt,
                      e.retried ? " and a retry" : ""));
  }
}

// ---- What clients say.

bool Checker::IsOut(Member member, const Ask& ask) {
  const Event& e = event(ask.id);
  return e.out == member && e.delivery == ask.delivery;
}

void Checker::Accept(Member member, EventId id) {
  Event& e = event(id);
  const Hold& held = hold(member, id.part);
  ++counts_.acknowledged;
  e.settled = true;
  e.out = -1;
  e.retried = false;
  e.promised = !held.kicked && !held.moved;
  e.promised_by = member;
  e.promised_at = now_;
  e.weak = held.own != Own::kOwned;
}

void Checker::Refused(Member member, const Ask& ask, v1::ErrorReason reason, const char* what) {
  if (!IsOut(member, ask) || holds(member).ending) return;
  // It may be ending for that.
  if (clock_.Now() - holds(member).writing_since >= bus::Group::kStallTimeout) return;
  if (setup_.ack_timeout_seconds < kNeverSeconds) return;  // It may be ending for that.
  Fail(absl::StrCat(what, " of ", Name(ask.id), " is refused with ", v1::ErrorReason_Name(reason),
                    ", and it is with the client"));
}

void Checker::OnAcknowledged(Member member, const Ask& ask, v1::ErrorReason reason) {
  if (trace_)
    Trace(absl::StrCat("member ", member, ": ack of ", Name(ask.id), " #", ask.delivery, ", ",
                       v1::ErrorReason_Name(reason)));
  ++now_;
  if (reason != kDone) return Refused(member, ask, reason, "the acknowledgement");
  if (IsOut(member, ask)) return Accept(member, ask.id);
  if (IsUnaware(member, ask.id.part)) {
    event(ask.id).settled = true;
    return;
  }
  if (!event(ask.id).settled) {
    Fail(absl::StrCat("the acknowledgement of ", Name(ask.id),
                      " is accepted, and that delivery is no longer with the client"));
  }
}

void Checker::OnBatchAcknowledged(Member member, const std::vector<Ask>& events,
                                  v1::ErrorReason reason) {
  if (trace_)
    Trace(absl::StrCat("member ", member, ": ack of a batch of ", events.size(), ", ",
                       v1::ErrorReason_Name(reason)));
  ++now_;
  for (const Ask& ask : events) {
    if (reason != kDone) {
      Refused(member, ask, reason, "the batch");
    } else if (IsOut(member, ask)) {
      Accept(member, ask.id);
    } else if (IsUnaware(member, ask.id.part)) {
      event(ask.id).settled = true;
    }
  }
}

void Checker::OnGivenUp(Member member, const Ask& ask, v1::ErrorReason reason) {
  if (trace_)
    Trace(absl::StrCat("member ", member, ": dead letter of ", Name(ask.id), " #", ask.delivery,
                       ", ", v1::ErrorReason_Name(reason)));
  ++now_;
  if (!setup_.dead_letters) {
    if (reason == kDone && !event(ask.id).settled) {
      Fail(absl::StrCat(Name(ask.id), " is given up, and there is no policy"));
    }
    return;
  }
  Event& e = event(ask.id);
  if (reason != kDone) return Refused(member, ask, reason, "giving up");
  if (!IsOut(member, ask)) {
    if (IsUnaware(member, ask.id.part)) {
      e.given_up = true;
      e.ever_given_up = true;
      return;
    }
    if (e.settled || e.given_up) return;
    return Fail(absl::StrCat("giving up ", Name(ask.id),
                             " is accepted, and that delivery is no longer with the client"));
  }
  TakeBack(e, member);
  e.given_up = true;
  e.ever_given_up = true;
}

void Checker::OnRetried(Member member, const Ask& ask, absl::optional<absl::Duration> delay,
                        v1::ErrorReason reason) {
  if (trace_)
    Trace(absl::StrCat("member ", member, ": retry of ", Name(ask.id), " #", ask.delivery, ", ",
                       v1::ErrorReason_Name(reason)));
  ++now_;
  Event& e = event(ask.id);
  if (reason != kDone) return Refused(member, ask, reason, "the retry");
  if (!IsOut(member, ask)) {
    if (IsUnaware(member, ask.id.part)) return;
    if (e.retried && e.home == member && e.delivery == ask.delivery) return;
    if (e.settled || e.failed) return;
    return Fail(absl::StrCat("the retry of ", Name(ask.id),
                             " is accepted, and that delivery is no longer with the client"));
  }
  TakeBack(e, member);
  e.retried = true;
  e.not_before = clock_.Now() + delay.value_or(absl::ZeroDuration());
  ++e.retries;
  ++counts_.retried;
  // What has failed for good leaves its key's order.
  if (setup_.dead_letters && setup_.max_failures > 0 && e.attempt >= setup_.max_failures) {
    e.given_up = true;
    e.ever_given_up = true;
    e.failed = true;
    e.retried = false;
    return;
  }
  recalled_.push_back(ask.id);
}

void Checker::OnRecalled(Member member) {
  for (const EventId id : std::exchange(recalled_, {})) {
    const int key = log_.record(id).key;
    if (key < 0) continue;
    const int count = static_cast<int>(part(id.part).events.size());
    for (EventId after{id.part, id.index + 1}; after.index < count; ++after.index) {
      if (log_.record(after).key == key) TakeBack(event(after), member);
    }
  }
}

// ---- Dead letters.

void Checker::OnLetter(Member member, EventId id, const std::string& reason, int deliveries) {
  if (trace_)
    Trace(absl::StrCat("member ", member, " writes the letter of ", Name(id), ", ", reason,
                       ", deliveries ", deliveries));
  ++now_;
  Event& e = event(id);
  if (e.promised) Fail(absl::StrCat(Name(id), " is settled and given up"));
  if (Exempt(id) && log_.record(id).kind == Kind::kFiltered) {
    Fail(absl::StrCat(Name(id), " does not pass the filter and is given up"));
  }
  SuspectIfTimedOut(e);
  const bool undecodable = log_.record(id).kind == Kind::kUndecodable;
  if (reason == "undecodable") {
    if (!undecodable) Fail(absl::StrCat(Name(id), " is given up as undecodable"));
  } else if (reason == "max_delivery_attempts") {
    if (setup_.max_failures == 0 || e.retries + e.suspicions < setup_.max_failures) {
      Fail(absl::StrCat(Name(id), " is given up after ", e.retries, " failures, and perhaps ",
                        e.suspicions, " more"));
    }
  } else if (!e.ever_given_up) {
    Fail(absl::StrCat(Name(id), " is given up, and nobody asked for it"));
  }
  if (deliveries < (undecodable ? 0 : 1) ||
      deliveries > std::max(e.retries + e.suspicions + 1, 1)) {
    Fail(absl::StrCat("the letter of ", Name(id), " says ", deliveries, " deliveries"));
  }
  e.letter_of = member;
  e.ever_given_up = true;
  TakeBack(e, member);
}

void Checker::OnLetterWritten(Member member, EventId id) {
  if (trace_) Trace(absl::StrCat("the letter of ", Name(id), " is written"));
  ++now_;
  Event& e = event(id);
  ++counts_.letters;
  counts_.killers += log_.record(id).kind == Kind::kKiller ? 1 : 0;
  e.settled = true;
  // Unless it has been delivered since, as where its partition moved meanwhile.
  e.letter_written = e.letter_of == member;
}

// ---- Commits.

void Checker::OnCommitting(Member member, const std::vector<kafka::GroupOffset>& offsets) {
  if (trace_) Trace(absl::StrCat("member ", member, " commits", Offsets(offsets)));
  ++now_;
  for (const kafka::GroupOffset& offset : offsets) {
    const int index = log_.Find(offset.partition);
    Hold& held = hold(member, index);
    held.sent.push_back(offset);
    if (held.sent.size() > 8) held.sent.pop_front();
    Part& p = part(index);
    const auto& records = log_.part(index).records;
    while (p.settled_to < records.size() && IsSettled({index, static_cast<int>(p.settled_to)})) {
      ++p.settled_to;
    }
    if (p.settled_to < records.size() && records[p.settled_to].offset < offset.offset) {
      Fail(absl::StrCat("the commit of ", offset.offset, " passes ",
                        Name({index, static_cast<int>(p.settled_to)}), ", which is not settled"));
    }
    if (offset.metadata.empty()) continue;
    const auto metadata = bus::ParseCommitMetadata(offset.metadata, offset.offset);
    if (!metadata.has_value()) {
      Fail(absl::StrCat("the metadata of the commit of ", offset.offset,
                        " cannot be read: ", offset.metadata));
      continue;
    }
    for (const bus::Span& span : metadata->settled) {
      const int end = log_.part(index).IndexFrom(span.end);
      for (EventId id{index, log_.part(index).IndexFrom(span.begin)}; id.index < end; ++id.index) {
        if (IsSettled(id)) continue;
        Fail(absl::StrCat("the metadata of the commit of ", offset.offset, " has ", Name(id),
                          ", which is not settled"));
      }
    }
  }
}

void Checker::OnApplied(Member member, const std::vector<kafka::GroupOffset>& offsets) {
  if (trace_) Trace(absl::StrCat("member ", member, " has committed", Offsets(offsets)));
  ++now_;
  for (const kafka::GroupOffset& offset : offsets) {
    const int index = log_.Find(offset.partition);
    Part& p = part(index);
    p.committed = offset;
    p.spans.clear();
    hold(member, index).out = {};
    if (offset.metadata.empty()) continue;
    if (auto metadata = bus::ParseCommitMetadata(offset.metadata, offset.offset)) {
      p.spans = std::move(metadata->settled);
      hold(member, index).out = metadata->mark.out;
      counts_.alone += metadata->mark.out.end > metadata->mark.out.begin ? 1 : 0;
    }
  }
}

void Checker::OnCommitFailed(Member member, const std::vector<kafka::GroupOffset>& offsets) {
  if (trace_) Trace(absl::StrCat("member ", member, " fails to commit", Offsets(offsets)));
  ++now_;
  for (const kafka::GroupOffset& offset : offsets) {
    hold(member, log_.Find(offset.partition)).failed_at = now_;
  }
}

void Checker::OnCommitKnown(Member member, const std::vector<kafka::GroupOffset>& offsets) {
  for (const kafka::GroupOffset& offset : offsets) {
    hold(member, log_.Find(offset.partition)).Know(offset);
  }
}

void Checker::Hold::Know(const kafka::GroupOffset& offset) {
  known = offset;
  const auto found = std::find(sent.begin(), sent.end(), offset);
  if (found != sent.end()) sent.erase(sent.begin(), found + 1);
}

bool Checker::Hold::Recognizes() const {
  if (!looked_up.has_value()) return false;
  return known == looked_up || std::find(sent.begin(), sent.end(), *looked_up) != sent.end();
}

// ---- The group.

void Checker::OnLookedUp(Member member, int index) {
  Hold& held = hold(member, index);
  held.looked_up = part(index).committed;
}

void Checker::OnAssigned(Member member, const std::vector<int>& parts, bool all) {
  if (trace_) Trace(absl::StrCat("member ", member, " begins ", absl::StrJoin(parts, ",")));
  ++now_;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const int index = static_cast<int>(i);
    Hold& held = hold(member, index);
    const bool given = std::find(parts.begin(), parts.end(), index) != parts.end();
    if (!given && !all) continue;
    if (!given) {
      if (held.own != Own::kNo) ForgetOut(member, index);
      held.own = Own::kNo;
    } else if (held.own == Own::kParked && held.Recognizes()) {
      held.own = Own::kOwned;  // It goes on.
      held.Know(*held.looked_up);
      ++counts_.resumed;
      for (Event& e : part(index).events) {
        if (e.promised_by == member) e.weak = false;
      }
    } else if (held.own != Own::kOwned && holds(member).stale) {
      held.own = Own::kOwned;
      held.kicked = true;
    } else if (held.own != Own::kOwned) {
      Begin(member, index);
    }
  }
}

// The partition is read by `member` from what is committed.
void Checker::Begin(Member member, int index) {
  Hold& held = hold(member, index);
  ++counts_.begun;
  held.own = Own::kOwned;
  held.kicked = false;
  held.moved = false;
  held.out = {};
  for (Holds& others : members_) {
    if (others.parts.empty()) continue;
    Hold& other = others.parts[static_cast<std::size_t>(index)];
    other.moved = other.moved || other.own == Own::kParked;
  }
  held.known = held.looked_up;
  held.sent.clear();
  held.failed_at = 0;
  ForgetOut(member, index);
  for (EventId id{index, 0}; id.index < static_cast<int>(part(index).events.size()); ++id.index) {
    Event& e = event(id);
    // What retention took does not come again, whatever the metadata says.
    const std::int64_t offset = log_.record(id).offset;
    if (!e.promised || offset < log_.part(index).begin) continue;
    if (Covered(part(index), offset)) continue;
    if (!e.weak && !setup_.small_metadata) {
      Fail(absl::StrCat(Name(id),
                        " is settled, and what its partition begins with does not say so"));
    }
    ++counts_.broken;
    e.promised = false;
  }
}

// It is no longer with the client of `member`.
void Checker::TakeBack(Event& e, Member member) {
  if (e.out == member) e.out = -1;
  e.with.erase(std::remove(e.with.begin(), e.with.end(), member), e.with.end());
}

void Checker::ForgetOut(Member member, int index) {
  for (Event& e : part(index).events) {
    TakeBack(e, member);
    if (e.home == member) e.home = -1;
  }
}

// Promises of `member` that Kafka does not know of.
void Checker::BreakPromises(Member member, int index) {
  for (EventId id{index, 0}; id.index < static_cast<int>(part(index).events.size()); ++id.index) {
    Event& e = event(id);
    if (e.promised_by == member && !Covered(part(index), log_.record(id).offset)) {
      counts_.broken += e.promised ? 1 : 0;
      e.promised = false;
    }
  }
}

void Checker::OnParked(Member member, const std::vector<int>& parts) {
  if (trace_) Trace(absl::StrCat("member ", member, " releases ", absl::StrJoin(parts, ",")));
  ++now_;
  for (const int index : parts) hold(member, index).own = Own::kParked;
}

void Checker::OnReleased(Member member, const std::vector<int>& parts) {
  if (trace_) Trace(absl::StrCat("member ", member, " has released ", absl::StrJoin(parts, ",")));
  ++now_;
  for (const int index : parts) CheckHandover(member, index, /*excused=*/false);
}

// What was settled before a clean end is in Kafka, unless its commits failed.
void Checker::CheckHandover(Member member, int index, bool excused) {
  const Hold& held = hold(member, index);
  for (EventId id{index, 0}; id.index < static_cast<int>(part(index).events.size()); ++id.index) {
    Event& e = event(id);
    if (!e.promised || e.promised_by != member || e.weak) continue;
    if (Covered(part(index), log_.record(id).offset) || Exempt(id)) continue;
    if (!excused && !setup_.small_metadata && held.failed_at < e.promised_at) {
      Fail(absl::StrCat(Name(id), " is settled, and its partition is handed over without that"));
    }
    e.weak = true;
  }
  if (held.failed_at > 0) Suspect(member, index);  // Kafka may not know that it was clean.
}

void Checker::OnAssignmentLost(Member member) { holds(member).stale = true; }

void Checker::OnLost(Member member, const std::vector<int>& parts) {
  if (trace_)
    Trace(absl::StrCat("member ", member, " learns that it lost ", absl::StrJoin(parts, ",")));
  ++now_;
  holds(member).stale = false;
  for (const int index : parts) {
    BreakPromises(member, index);
    ForgetOut(member, index);
    hold(member, index).own = Own::kNo;
  }
}

void Checker::OnKicked(Member member) {
  if (trace_) Trace(absl::StrCat("member ", member, " is lost to Kafka"));
  ++now_;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const int index = static_cast<int>(i);
    Hold& held = hold(member, index);
    if (held.own == Own::kNo) continue;
    held.kicked = true;
    BreakPromises(member, index);
    Suspect(member, index);
  }
}

void Checker::OnEnded(Member member, bool clean) {
  if (trace_) Trace(absl::StrCat("member ", member, clean ? " has left" : " is gone"));
  ++now_;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const int index = static_cast<int>(i);
    Hold& held = hold(member, index);
    if (held.own == Own::kNo) continue;
    if (clean) {
      NoteOwed(member, index);
      CheckHandover(member, index, held.kicked);
    } else {
      BreakPromises(member, index);
      Suspect(member, index);
    }
    ForgetOut(member, index);
    held.own = Own::kNo;
  }
}

void Checker::NoteOwed(Member member, int index) {
  for (EventId id{index, 0}; id.index < static_cast<int>(part(index).events.size()); ++id.index) {
    const Event& e = event(id);
    if (!e.promised || e.promised_by != member) continue;
    if (!Covered(part(index), log_.record(id).offset) && !Exempt(id)) holds(member).owed = id;
  }
}

void Checker::OnClosedOk(Member member) {
  const absl::optional<EventId> owed = holds(member).owed;
  if (!owed.has_value() || setup_.small_metadata) return;
  Fail(absl::StrCat("a stream ends with OK, and ", Name(*owed),
                    ", which it settled, is not in Kafka"));
}

void Checker::OnUnclean(Member member) {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (hold(member, static_cast<int>(i)).own != Own::kNo) Suspect(member, static_cast<int>(i));
  }
}

void Checker::Blame(Member member, const std::vector<EventId>& killers) {
  for (const EventId id : killers) ++event(id).suspicions;
  blamed_ = member;
}

// Whatever was delivered and not settled may have been the reason, or was about to be delivered.
void Checker::Suspect(Member member, int index) {
  if (blamed_ == member) return;
  const bus::Span& out = hold(member, index).out;
  for (EventId id{index, 0}; id.index < static_cast<int>(part(index).events.size()); ++id.index) {
    Event& e = event(id);
    const std::int64_t offset = log_.record(id).offset;
    const bool announced = offset >= out.begin && offset < out.end;
    if ((e.delivered || announced) && !Covered(part(index), offset)) ++e.suspicions;
  }
}

// Its delivery was not settled in time, whoever noticed.
void Checker::SuspectIfTimedOut(Event& e) {
  if (clock_.Now() - e.delivered_at < absl::Seconds(setup_.ack_timeout_seconds)) return;
  ++e.suspicions;
  e.delivered_at = absl::InfiniteFuture();
}

// ---- Others.

// What is gone before the group has any offset in the partition is no loss of the group's.
void Checker::OnTruncated(int index) {
  ++now_;
  Part& p = part(index);
  if (trace_) Trace(absl::StrCat("partition ", index, " begins at ", log_.part(index).begin));
  if (p.committed.has_value()) return;
  const int gone = log_.part(index).IndexFrom(log_.part(index).begin);
  for (EventId id{index, 0}; id.index < gone; ++id.index) event(id).told = true;
}

void Checker::OnGapRead(int index, const bus::Span& gap) {
  if (trace_) {
    Trace(absl::StrCat("a client reads that ", index, ":", gap.begin, "-", gap.end, " are gone"));
  }
  ++now_;
  ++counts_.gaps;
  const int end = log_.part(index).IndexFrom(gap.end);
  const int begin = log_.part(index).IndexFrom(gap.begin);
  counts_.gaps_again += begin < end && event({index, begin}).told ? 1 : 0;
  for (EventId id{index, begin}; id.index < end; ++id.index) {
    if (log_.record(id).offset >= log_.part(index).begin) {
      Fail(absl::StrCat("a client is told that ", Name(id), " is gone, and it is there"));
    }
    event(id).told = true;
  }
}

bool Checker::IsTold(EventId id) const {
  const Event& e =
      parts_[static_cast<std::size_t>(id.part)].events[static_cast<std::size_t>(id.index)];
  const Record& record = log_.record(id);
  const bool gone = record.offset < log_.part(id.part).begin;
  const bool filtered = record.kind == Kind::kFiltered && setup_.filter;
  return !gone || filtered || e.settled || e.told || setup_.small_metadata;
}

void Checker::OnLegacyRead(EventId id) {
  ++now_;
  event(id).settled = true;
}

void Checker::OnLegacyCommit(int index, std::int64_t offset) {
  ++now_;
  Part& p = part(index);
  p.committed = kafka::GroupOffset{log_.part(index).name, offset, ""};
  p.spans.clear();
  for (EventId id{index, 0}; id.index < static_cast<int>(p.events.size()); ++id.index) {
    if (log_.record(id).offset >= offset) {
      event(id).promised = false;
    } else {
      event(id).told = true;  // It has passed it, and what it should have told is dropped.
    }
  }
}

bool Checker::AllTold() const {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const int count = static_cast<int>(parts_[i].events.size());
    for (EventId id{static_cast<int>(i), 0}; id.index < count; ++id.index) {
      if (!IsTold(id)) return false;
    }
  }
  return true;
}

bool Checker::AllSettled() const {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const auto& records = log_.parts()[i].records;
    if (records.empty()) continue;
    if (!parts_[i].committed.has_value() || parts_[i].committed->offset <= records.back().offset) {
      return false;
    }
  }
  return true;
}

void Checker::OnFinished() {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const int index = static_cast<int>(i);
    for (EventId id{index, 0}; id.index < static_cast<int>(parts_[i].events.size()); ++id.index) {
      if (!IsSettled(id)) Fail(absl::StrCat(Name(id), " is never settled"));
      if (!IsTold(id)) Fail(absl::StrCat(Name(id), " is gone, and no client has read so"));
    }
  }
  if (!AllSettled()) Fail("everything is settled, and the group's offsets do not say so");
}

}  // namespace eventbus::simulation
