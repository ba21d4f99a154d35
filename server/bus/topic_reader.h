#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

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
#include "server/bus/topic_window.h"
#include "server/kafka/consumer.h"
#include "server/wire/plan.h"

namespace eventbus::bus {

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
  void RefreshEnds();
  void Restart();
  void CloseIfUnused();
  void DropConsumer();

  // On the blocking pool.
  absl::StatusOr<Opened> OpenConsumer(absl::optional<Positions> starts, std::size_t partitions);

  void OnRecord(const kafka::RecordView& record) override;
  void OnPartitionEnd(const kafka::TopicPartition& partition, std::int64_t next_offset) override;
  void OnPositionLost(const kafka::TopicPartition& partition) override;
  void OnError(const absl::Status& error) override;

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
  TopicWindow::OfEachForm<ChunkBuilder> builders_{ChunkBuilder(false), ChunkBuilder(true)};
  TopicWindow::OfEachForm<bool> wanted_{};  // Of the chunk that is being read.

  TopicWindow window_;
  Mutex mu_;
  absl::optional<absl::StatusOr<Opened>> opened_ ABSL_GUARDED_BY(mu_);
};

// One who may read from the window. One thread at a time; its destructor leaves.
class TopicReader::Member {
 public:
  Member(std::shared_ptr<TopicReader> reader, bool include_json, std::function<void()> wake);
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  // As TopicWindow's.
  absl::optional<std::uint64_t> Find(const Positions& read, Stamp stamp) const {
    return reader_->window_.Find(member_.include_json, read, stamp);
  }
  TopicWindow::Found Next(std::uint64_t number) { return reader_->window_.Next(member_, number); }
  absl::optional<Stamp> since() const { return reader_->window_.since(); }
  Positions Ends() const { return reader_->window_.ends(); }

  // There may be new partitions.
  void Poke() { reader_->task_->Wake(); }

 private:
  friend class TopicReader;
  const std::shared_ptr<TopicReader> reader_;
  TopicWindow::Member member_;
};

}  // namespace eventbus::bus
