#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "eventbus/v1/errors.pb.h"
#include "server/bus/account.h"
#include "server/bus/ack_token.h"
#include "server/bus/acknowledge.h"
#include "server/bus/commits.h"
#include "server/bus/deliveries.h"
#include "server/bus/held_part.h"
#include "server/bus/letters.h"
#include "server/bus/part.h"
#include "server/bus/settling_options.h"

namespace eventbus::bus {

// The events that a stream has read and its client has not settled, under ACK_MODE_EXPLICIT, and
// what follows for the commits: of each partition the prefix that is settled and, in the metadata,
// what is settled past it, what has failed, and who may have killed its consumer.
//
//             +--------------------------- retried, due ---------------------------+
//             v                                                                    |
//   read -> ready -> collected -> out (with the client) -> waiting (with those of its key behind
//   it)
//                                  |      |
//                                  |      +-> letter -> settled
//                                  +-> settled
//
// Order, counts and commits are each partition's (bus/part); tokens (bus/deliveries), letters
// (bus/letters) and turns, where care is taken (bus/caution), are the stream's. Pure; one thread at
// a time.
class Settling final : public Commits, public Account {
 public:
  explicit Settling(SettlingOptions options) : options_(options) {}
  ~Settling() override;
  Settling(const Settling&) = delete;
  Settling& operator=(const Settling&) = delete;

  // The random part of its tokens. Once, before the first delivery.
  void SetStream(std::uint64_t stream) { stream_ = stream; }

  // It is `now`, for all calls that follow: what has waited long enough is ready.
  void Advance(absl::Time now);
  // When Advance has something to do.
  absl::Time next_due() const;

  // Does what is asked, as a whole, and says of each ask why it did nothing; UNSPECIFIED: it was
  // done, now or before. Else ACK_TOKEN_INVALID (no such number was given out), ACK_TOKEN_NOT_OWNED
  // (the partition is no longer this stream's: the event comes again), ACK_TOKEN_EXPIRED (delivered
  // again since, or settled another way), DEAD_LETTER_DISABLED. Where there are retries the reader
  // must have dropped its batch: what is in it may have to wait.
  std::vector<v1::ErrorReason> Settle(const Settlement<AckToken>& asked);

  // Letters that are to be written now, and what became of them.
  std::vector<std::pair<Letters::Id, Letters::Letter>> TakeLetters() {
    return letters_.TakeDue(now_);
  }
  void LetterWritten(Letters::Id id);
  void LetterFailed(Letters::Id id) { letters_.Failed(id, now_); }
  int writing_letters() const { return letters_.writing(); }

  // The stream ends: since the oldest event was not settled in time; since its client is gone, who
  // may have died of what it had.
  void EndTimedOut();
  void EndGone();

  // Events that are with the client and not settled.
  std::int64_t outstanding() const { return deliveries_.outstanding(); }
  // Something was settled in a partition that a rebalance has taken: no commit has it, and where
  // the partition goes elsewhere none will.
  bool parked_due() const;
  // How often a partition has gone with something that no commit was known to have.
  int losses() const { return losses_; }
  // Since when the oldest of them has been; unset: there is none.
  absl::optional<absl::Time> oldest() const;
  // Its partitions, and what holds them back.
  std::vector<HeldPart> Held() const;

  // ---- Commits. What is taken or written does not count here.
  void Add(const kafka::TopicPartition& partition, std::int64_t position, std::int64_t end,
           const absl::optional<kafka::GroupOffset>& known) override;
  // Tokens, and what is settled.
  absl::optional<std::int64_t> Resume(const kafka::TopicPartition& partition,
                                      const absl::optional<kafka::GroupOffset>& known) override;
  void Close(const kafka::TopicPartition& partition) override;
  // Its events may be settled meanwhile; that is committed once it has come back.
  void Park(const kafka::TopicPartition& partition) override;
  void DropParked() override;
  // In the metadata of each commit until the client settles what it was given after that.
  void AddGap(const kafka::TopicPartition& partition, const Span& gap) override;
  void TellGaps(const kafka::TopicPartition& partition, std::int64_t end) override;
  void Remove(const kafka::TopicPartition& partition) override;
  bool keeps_what_was_read() const override { return true; }
  void Take(const Cursors&) override {}
  void Written() override {}
  bool due() const override;
  bool first_due() const override;
  bool urgent() const override;
  std::vector<kafka::GroupOffset> TakeDue() override;
  std::vector<kafka::GroupOffset> TakeLast() override;
  void Committed(const std::vector<kafka::GroupOffset>& offsets) override;
  void Failed(const std::vector<kafka::GroupOffset>& offsets, const absl::Status& why) override;

  // ---- Account.
  bool Read(const kafka::TopicPartition& partition, std::int64_t offset) override;
  void ReadTo(const kafka::TopicPartition& partition, std::int64_t next) override;
  void Skip(const kafka::TopicPartition& partition, std::int64_t offset) override;
  absl::optional<Delivery> Deliver(const kafka::TopicPartition& partition,
                                   const kafka::RecordView& record, bool decodable) override;
  absl::optional<Kept> Next() override;
  bool has_undelivered() const override { return undelivered_ > 0; }
  void TakeBack() override;
  bool MayTakeBatch() override;
  std::string TakeBatch(int events) override;
  bool full() const override;
  bool IsPaused(const kafka::TopicPartition& partition) const override;
  std::uint64_t pauses() const override { return pauses_; }

 private:
  using PartPtr = std::shared_ptr<Part>;
  using Parts = std::map<kafka::TopicPartition, PartPtr>;

  // Parked or not.
  PartPtr Find(const kafka::TopicPartition& partition) const;
  Delivery Collect(const EventPtr& event);

  void PassGaps(const Settlement<AckToken>& asked);
  void SetAside(const Settlement<AckToken>& asked, std::vector<EventPtr>& events) const;
  v1::ErrorReason Acknowledge(const AckToken& token);
  v1::ErrorReason GiveUp(const AckToken& token, const std::string& reason);
  // What one call takes back.
  struct Retried {
    std::map<PartPtr, std::map<std::string, std::int64_t>> firsts;
  };
  v1::ErrorReason Retry(const AckToken& token, absl::optional<absl::Duration> delay,
                        Retried& retried);
  void Recall(const Retried& retried);
  absl::Duration Backoff(int failures) const;

  void UpdatePause(Part& part);
  void AddLetter(const EventPtr& event, int deliveries, std::string reason);
  bool HasFailedForGood(int failures) const;
  void SettleEvent(HeldEvent& event);
  void LetGo(HeldEvent& event, HeldEvent::State state);
  void Abandon(Part& part);
  void LoseEventsOf(Part& part);
  HeldPart Describe(const Part& part) const;

  // Care: see bus/caution.
  bool TakesCare() const { return options_.dead_letters && options_.max_failures > 0; }
  bool closing_due() const;
  void UpdateCare();
  PartPtr NextPart();
  PartPtr StartTurn();
  void GoOnWithTurn();
  bool FitsTurn(const HeldEvent& event) const;
  void EndTurn();

  const SettlingOptions options_;
  std::uint64_t stream_ = 0;
  absl::Time now_ = absl::UnixEpoch();
  Parts parts_;
  Parts parked_;
  Deliveries deliveries_;
  Letters letters_;
  std::int64_t held_events_ = 0;
  std::int64_t held_bytes_ = 0;
  std::int64_t undelivered_ = 0;
  std::uint64_t pauses_ = 0;
  int losses_ = 0;
  bool careful_ = false;  // Any partition of this stream is.
  // The events that may be with the client at one time, where the stream is careful.
  struct Turn {
    PartPtr part;
    int most = 0;       // 0: any number.
    int collected = 0;  // Those that are out included.
    bool closed = false;
  };
  absl::optional<Turn> turn_;
};

}  // namespace eventbus::bus
