#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "eventbus/v1/errors.pb.h"
#include "server/bus/account.h"
#include "server/bus/ack_token.h"
#include "server/bus/commits.h"
#include "server/bus/ledger.h"
#include "server/bus/settling_options.h"

namespace eventbus::bus {

// The events that a stream has delivered and its client has not settled, under ACK_MODE_EXPLICIT,
// and what follows for the commits: of each partition the prefix that is settled and, in the
// metadata, what is settled past it.
//
// Events are numbered over the stream in the order of delivery. A number belongs to one delivery:
// where its partition moves, or comes again, the events do so under new numbers. Pure; one thread
// at a time.
class Settling final : public Commits, public Account {
 public:
  explicit Settling(SettlingOptions options) : limits_(options) {}

  // The random part of its tokens. Once, before the first delivery.
  void SetStream(std::uint64_t stream) { stream_ = stream; }

  // Settles the event, or all events of the batch that are still with the client. UNSPECIFIED:
  // done, now or before. Else ACK_TOKEN_INVALID (no such number was given out) or
  // ACK_TOKEN_NOT_OWNED (the partition is no longer this stream's: the event comes again).
  v1::ErrorReason Acknowledge(const AckToken& token);

  // Events that are with the client and not settled.
  std::int64_t outstanding() const { return outstanding_; }
  // Since when the oldest of them has been; unset: there is none.
  absl::optional<absl::Time> oldest() const;

  // ---- Commits. What is taken or written does not count here.
  // Where the group still has what this stream committed, all goes on: tokens, and what is settled.
  std::int64_t Add(const kafka::TopicPartition& partition, std::int64_t position, bool committed,
                   const std::string& metadata) override;
  // Its events may be settled meanwhile; that is committed once it has come back.
  void Park(const kafka::TopicPartition& partition) override;
  void DropParked() override;
  void Remove(const kafka::TopicPartition& partition) override;
  void Rewind(const Cursors& cursors) override;
  void Take(const Cursors&) override {}
  void Written() override {}
  bool due() const override;
  bool first_due() const override;
  std::vector<kafka::GroupOffset> TakeDue() override;
  std::vector<kafka::GroupOffset> TakeLast() override;
  void Committed(const std::vector<kafka::GroupOffset>& offsets) override;
  void Failed(const std::vector<kafka::GroupOffset>& offsets, const absl::Status& why) override;

  // ---- Account.
  bool Read(const kafka::TopicPartition& partition, std::int64_t offset) override;
  void ReadTo(const kafka::TopicPartition& partition, std::int64_t next) override;
  void Skip(const kafka::TopicPartition& partition, std::int64_t offset) override;
  std::string Deliver(const kafka::TopicPartition& partition, std::int64_t offset,
                      std::size_t bytes) override;
  std::string TakeBatch(int events, absl::Time now) override;
  bool full() const override;

 private:
  struct Part {
    explicit Part(Ledger l) : ledger(std::move(l)) {}

    Ledger ledger;
    bool gone = false;
    // Something may have changed since it was sent.
    bool dirty = true;
    // On its way to Kafka, and there; unset: nothing.
    absl::optional<kafka::GroupOffset> sent;
    absl::optional<kafka::GroupOffset> committed;
    // Kafka does not take metadata of this size.
    bool bare = false;
  };
  struct Event {
    std::shared_ptr<Part> part;
    std::int64_t offset = 0;
    std::int64_t bytes = 0;
    bool settled = false;
    bool ends_batch = false;
    std::uint64_t batch_begin = 0;  // Of the batch's first event.
    absl::Time taken_at;
  };

  // Parked or not.
  std::shared_ptr<Part> Find(const kafka::TopicPartition& partition) const;
  void LoseEventsOf(const std::shared_ptr<Part>& part);
  Event& at(std::uint64_t number) { return events_[number - first_]; }
  v1::ErrorReason AcknowledgeBatch(std::uint64_t number);
  void Settle(Event& event);
  void LetGo(const Event& event);
  void DropFront();
  bool WasLost(std::uint64_t number) const;
  kafka::GroupOffset OffsetOf(const kafka::TopicPartition& partition, const Part& part) const;

  const SettlingOptions limits_;
  std::uint64_t stream_ = 0;
  using Parts = std::map<kafka::TopicPartition, std::shared_ptr<Part>>;
  Parts parts_;
  Parts parked_;

  // From the first that is not settled on; `first_` is its number.
  std::deque<Event> events_;
  std::uint64_t first_ = 0;
  std::uint64_t taken_ = 0;  // Numbers below it are with the client, or were.
  std::int64_t outstanding_ = 0;
  std::int64_t held_events_ = 0;  // Those about to be delivered included.
  std::int64_t held_bytes_ = 0;
  // Numbers of events that were lost with their partitions, [begin, end) by end.
  std::map<std::uint64_t, std::uint64_t> lost_;
};

}  // namespace eventbus::bus
