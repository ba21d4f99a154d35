#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bus/caution.h"
#include "server/bus/held_event.h"
#include "server/bus/ledger.h"
#include "server/bus/lines.h"
#include "server/bus/part_commits.h"
#include "server/bus/untold_gaps.h"

namespace eventbus::bus {

// One partition of a member whose events are settled: what it holds of it, and what follows for its
// commit. Pure; one thread at a time.
class Part : public std::enable_shared_from_this<Part> {
 public:
  // How far it is read.
  struct Limits {
    // Offsets from the first that is not settled to the last read.
    std::int64_t max_span = 10'000;
    // Of events that are to be dead letters, and are not written yet.
    std::int64_t max_letter_bytes = std::int64_t{16} << 20;
  };

  // Read from `position` on, with `committed` in Kafka, which may be behind it: what is between is
  // gone. `end` is where the partition ends now.
  Part(const kafka::TopicPartition& partition, std::int64_t position,
       absl::optional<kafka::GroupOffset> committed, std::int64_t end, const Limits& limits);

  // ---- Reading. False: it is settled, and not to be delivered.
  bool Read(std::int64_t offset);
  void ReadTo(std::int64_t next);
  // What was read is settled.
  void Settle(std::int64_t offset);
  // Whether nothing more is to be read for now: from a limit on, until half of it is left, as to go
  // on costs what was fetched. UpdatePause: true where that has changed.
  bool paused() const { return paused_; }
  bool UpdatePause();
  // An event is to be a dead letter, or is it no more.
  void AddLetter(std::int64_t bytes) { letter_bytes_ += bytes; }
  void DropLetter(std::int64_t bytes) { letter_bytes_ -= bytes; }
  // What was read is kept from now on, for its delivery.
  EventPtr Keep(const kafka::RecordView& record, absl::Time now);

  // ---- Order.
  // Whether others have to be delivered before an event of that key.
  bool MustWait(const kafka::RecordView& record) const;
  void Wait(const EventPtr& event, absl::Time due, absl::Time now);
  // To be delivered after, or before, whatever is.
  void MakeReady(const EventPtr& event, absl::Time now);
  void MakeReadyFirst(const EventPtr& event, absl::Time now);
  // What has waited long enough is ready.
  void Release(absl::Time now);
  absl::Time next_due() const { return lines_.next_due(); }
  // Null: nothing is ready.
  EventPtr next_ready() const { return ready_.empty() ? nullptr : ready_.front(); }
  EventPtr TakeReady();
  // The first of each key that are retried, by key: what comes behind them, ready or with the
  // client, waits behind them. Returns those that were with the client.
  std::vector<EventPtr> Recall(const std::map<std::string, std::int64_t>& firsts, absl::Time now);

  // ---- Failures.
  int failures(std::int64_t offset) const;
  int Fail(std::int64_t offset);

  // ---- Commits.
  const Ledger& ledger() const { return ledger_; }
  Caution& caution() { return caution_; }
  const Caution& caution() const { return caution_; }
  PartCommits& commits() { return commits_; }
  bool careful() const { return caution_.needed(ledger_.prefix()); }
  // From Open to Close the mark is open: nothing is delivered before Kafka has it.
  void Open();
  void Close();
  // See bus/untold_gaps.
  void AddGap(const Span& gap);
  void TellGaps(std::int64_t end, std::uint64_t next) { gaps_.Tell(end, next); }
  void PassGaps(std::uint64_t number);
  kafka::GroupOffset offset() const;
  // Kafka does not take metadata of this size.
  void GoBare() { bare_ = true; }

  const kafka::TopicPartition& partition() const { return partition_; }
  // Those that are not settled, and some that are, by offset.
  const std::deque<EventPtr>& held() const { return held_; }
  // Null: everything kept is settled.
  EventPtr first_unsettled() const;
  // Forgets what it holds: events hold their part, too. Nothing but commits() may follow.
  void Drop();

 private:
  void DropSettled();

  const kafka::TopicPartition partition_;
  const Limits limits_;
  Ledger ledger_;
  std::deque<EventPtr> held_;
  Lines lines_;
  std::deque<EventPtr> ready_;
  std::map<std::int64_t, int> failures_;
  Caution caution_;
  UntoldGaps gaps_;
  bool open_ = true;
  bool bare_ = false;
  bool paused_ = false;
  std::int64_t letter_bytes_ = 0;
  PartCommits commits_;
};

}  // namespace eventbus::bus
