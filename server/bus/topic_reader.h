#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/mutex.h"
#include "server/base/serial_task.h"
#include "server/bus/chunk.h"
#include "server/bus/chunk_window.h"
#include "server/bus/cluster_monitor.h"
#include "server/kafka/consumer.h"
#include "server/wire/plan.h"

namespace eventbus::bus {

// Orders look-ups. One draws a stamp, then finds a position in the log; a reader draws one after it
// has found where to begin. Where the first is the later of the two, both are of the same log: the
// topic has not been made anew between them.
using Stamp = std::uint64_t;

struct TopicReaderOptions {
  // Of each window: without the records' JSON, and with it.
  ChunkWindow::Limits window;
  // After the last member.
  absl::Duration linger = absl::Seconds(5);
  // Before a consumer that failed is made anew.
  absl::Duration retry = absl::Seconds(1);
  // Kafka's client.id.
  std::string client_id;
};

// What topic readers need of the server; all of it outlives them.
struct TopicReaderContext {
  const wire::Plan& plan;
  kafka::ConsumerFactory& consumers;
  const ClusterMonitor& monitor;
  Executor& executor;
  Executor& blocking;
  const Clock& clock;
  std::atomic<Stamp>& stamps;
};

// Reads one topic for all of its members, once: a consumer whose records are decoded into chunks,
// and the newest chunks in a window (two, where some members want the records' JSON). Members hold
// a chunk's number and fetch what follows; no member is waited for.
//
//   opening --> reading --position lost, error--> opening (again, at the end; all members are out)
//       any --no member for `linger`--> closed
//
// A partition that appears is read from its beginning. An outage of Kafka is outlived.
//
// Lifetime: the hub and the members hold it. Thread-safe; no call blocks. Lock: its own, a leaf.
class TopicReader final : public std::enable_shared_from_this<TopicReader>,
                          private kafka::ConsumerEvents {
 public:
  class Member;

  // Begins to read, with the first member, at `starts`; `stamp` was drawn after they had been
  // looked up.
  static std::shared_ptr<TopicReader> Make(const TopicReaderContext& context,
                                           TopicReaderOptions options, std::string topic,
                                           Positions starts, Stamp stamp);
  ~TopicReader() override;

  // `wake` is called from any thread when there may be something new for the member; not under a
  // lock. Null: closed.
  std::unique_ptr<Member> Enter(bool include_json, std::function<void()> wake);

 private:
  struct Opened {
    std::shared_ptr<kafka::Consumer> consumer;
    Positions starts;
  };
  // Of one form of the topic's events.
  struct Form {
    absl::optional<ChunkWindow> window;  // While it has members.
    int members = 0;
  };

  TopicReader(const TopicReaderContext& context, TopicReaderOptions options, std::string topic,
              Positions starts, Stamp stamp);

  // The task's.
  void Step();
  void RequestOpen();
  void TakeOpened();
  void Begin(Opened opened);
  std::size_t CountPartitions() const;
  void AddNewPartitions();
  void Poll();
  bool ReadBurst();
  void Publish(const Positions& begin);
  void RefreshEnds();
  void Restart();
  void CloseIfUnused();
  absl::optional<absl::Time> CloseAt() const;
  void DropConsumer();

  // On the blocking pool.
  absl::StatusOr<Opened> OpenConsumer(absl::optional<Positions> starts, std::size_t partitions);

  void OnRecord(const kafka::RecordView& record) override;
  void OnPartitionEnd(const kafka::TopicPartition& partition, std::int64_t next_offset) override;
  void OnPositionLost(const kafka::TopicPartition& partition) override;
  void OnError(const absl::Status& error) override;

  // For members.
  void Leave(Member& member);
  using Wakes = std::vector<std::function<void()>>;
  Wakes TakeWakes(bool all) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropUnusedForms() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Form& FormOf(bool include_json) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return forms_[include_json ? 1 : 0];
  }

  const TopicReaderContext context_;
  const TopicReaderOptions options_;
  const std::string topic_;
  // Shared with the consumer, whose threads wake it.
  const std::shared_ptr<SerialTask> task_;

  // The task's own.
  std::shared_ptr<kafka::Consumer> consumer_;
  absl::optional<Positions> starts_;  // Where to open; unset: at the ends.
  bool opening_ = false;
  absl::Time open_at_ = absl::InfinitePast();
  Positions read_;
  bool trouble_ = false;
  absl::Time refresh_at_ = absl::InfinitePast();
  std::shared_ptr<const kafka::ClusterMetadata> seen_;
  std::array<ChunkBuilder, 2> builders_{ChunkBuilder(false), ChunkBuilder(true)};
  std::array<bool, 2> building_{};

  mutable Mutex mu_;
  absl::optional<absl::StatusOr<Opened>> opened_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  // Since when its positions are sound; unset: it has none.
  absl::optional<Stamp> since_ ABSL_GUARDED_BY(mu_);
  Positions position_ ABSL_GUARDED_BY(mu_);  // What has been published.
  Positions ends_ ABSL_GUARDED_BY(mu_);      // Of the partitions, as last heard.
  std::array<Form, 2> forms_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_set<Member*> members_ ABSL_GUARDED_BY(mu_);
  absl::Time unused_since_ ABSL_GUARDED_BY(mu_);
};

// One who may read from the window. One thread at a time; its destructor leaves.
class TopicReader::Member {
 public:
  // What Next found.
  struct Found {
    // Null: it comes next, and then the member is woken; or it is lost.
    std::shared_ptr<const Chunk> chunk;
    // No longer in the window: Find again, or read elsewhere.
    bool lost = false;
  };

  Member(std::shared_ptr<TopicReader> reader, bool include_json, std::function<void()> wake);
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  // The number of the chunk with which one goes on who has everything before `read`, positions that
  // were sound when `stamp` was drawn. Unset: the window does not lead on from there.
  absl::optional<std::uint64_t> Find(const Positions& read, Stamp stamp) const;
  Found Next(std::uint64_t number);
  // There may be new partitions.
  void Poke() { reader_->task_->Wake(); }

  // When the reader found where to begin; unset: it is about to.
  absl::optional<Stamp> since() const;
  // The ends of the partitions, as last heard.
  Positions Ends() const;

 private:
  friend class TopicReader;
  const std::shared_ptr<TopicReader> reader_;
  const bool include_json_;
  const std::function<void()> wake_;
  bool waiting_ = false;  // Under the reader's lock.
};

}  // namespace eventbus::bus
