#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bus/account.h"
#include "server/bus/batch.h"
#include "server/bus/chunk.h"
#include "server/bus/chunk_take.h"
#include "server/bus/cursors.h"
#include "server/bus/filter.h"
#include "server/bus/tail_source.h"
#include "server/kafka/consumer.h"
#include "server/wire/plan.h"

namespace eventbus::bus {

struct ReaderOptions {
  Filter filter;
  Batch::Limits batch;
  bool include_json = false;
  // What events say where nobody keeps account of their attempts; 0: nothing.
  int delivery_attempt = 0;
  // 0: no end.
  std::int64_t max_events = 0;
  bool stop_at_end = false;
};

// The reading half of a subscription: poll -> decode -> filter -> batch. Never reads further than
// one batch, so that a slow client costs no memory. One thread at a time.
class Reader final : private kafka::ConsumerEvents {
 public:
  Reader(const wire::Plan& plan, ReaderOptions options);

  // Once, before the rest.
  void Begin(std::shared_ptr<kafka::Consumer> consumer, Cursors cursors);
  // Other cursors, from the next GoOn on. Restart forgets what was read and not taken; SetCursors
  // keeps it.
  void Restart(Cursors cursors);
  // What was read and not taken is kept, where somebody keeps account; else it is forgotten.
  void DropBatch();
  void SetCursors(Cursors cursors) { cursors_ = std::move(cursors); }

  // Reads until the batch is full, nothing is there, or the end that was asked for; at most `most`
  // records. True: there may be more at once.
  bool Read(int most);

  // Every event has to be settled: `account`, which outlives the reader, says what is read and
  // delivered. Once, before the rest.
  void SetAccount(Account* account) { account_ = account; }

  // The batch, if it has events; what it holds then counts as delivered.
  bool has_batch() const { return !batch_.empty(); }
  Message TakeBatch();

  // Whether max_events or stop_at_end has been reached.
  bool reached_end() const;
  const Cursors& cursors() const { return cursors_; }
  // Asks the consumer for the ends it has heard of.
  void RefreshEnds();

  // What stopped reading: an error, or a partition whose position was refused. After GoOn the whole
  // list is read again, at the positions reached: librdkafka stops a partition whose position it
  // lost.
  const absl::optional<absl::Status>& error() const { return error_; }
  const absl::optional<kafka::TopicPartition>& lost() const { return lost_; }
  absl::Status GoOn();

  // Reads `partition` too, from its beginning; from the next GoOn on.
  void Add(const kafka::TopicPartition& partition) { cursors_.Add(partition, 0, 0); }

  // Where some topics are read by somebody else: from the next GoOn on the consumer reads `topics`
  // alone, and others' records come by Take.
  void ReadOnly(std::set<std::string> topics) { only_ = std::move(topics); }
  // Another consumer, that reads from the next GoOn on.
  void SetConsumer(std::shared_ptr<kafka::Consumer> consumer) { consumer_ = std::move(consumer); }
  // As TakeChunk, with the reader's filter and bounds.
  Taken Take(const Chunk& chunk, std::size_t from, const std::vector<int>& cursors_of);
  bool has_room() const { return !batch_.full() && !reached_end(); }
  void SetEnd(int index, std::int64_t end) { cursors_.SetEnd(index, end); }

  const std::shared_ptr<kafka::Consumer>& consumer() const { return consumer_; }
  // Lets the consumer go, to whoever may block for it.
  std::shared_ptr<kafka::Consumer> Release() { return std::move(consumer_); }

 private:
  void OnRecord(const kafka::RecordView& record) override;
  void OnPartitionEnd(const kafka::TopicPartition& partition, std::int64_t next_offset) override;
  void OnPositionLost(const kafka::TopicPartition& partition) override;
  void OnError(const absl::Status& error) override;
  bool Advance();
  bool FollowPauses();
  bool CollectKept();
  void Collect(const kafka::RecordView& record, const kafka::TopicPartition& partition);
  void AddToBatch(const kafka::RecordView& record,
                  const std::variant<wire::Decoded, wire::Undecodable>& body,
                  const absl::optional<Delivery>& delivery);
  bool WantsMore() const;

  const wire::Plan& plan_;
  const ReaderOptions options_;
  Account* account_ = nullptr;                 // Null: nobody keeps one.
  std::uint64_t pauses_ = 0;                   // What of `account_` the consumer knows.
  std::shared_ptr<kafka::Consumer> consumer_;  // Null: nothing is read.
  absl::optional<std::set<std::string>> only_;
  Cursors cursors_;
  Batch batch_;
  // Where the event is that the batch set aside.
  absl::optional<kafka::StartOffset> set_aside_;
  std::int64_t events_ = 0;  // Delivered, or in the batch.
  absl::optional<absl::Status> error_;
  absl::optional<kafka::TopicPartition> lost_;
};

}  // namespace eventbus::bus
