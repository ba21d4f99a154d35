#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "server/bus/catch_up.h"
#include "server/bus/context.h"
#include "server/bus/reader.h"
#include "server/bus/tail_source.h"
#include "server/bus/topic_reader.h"

namespace eventbus::bus {

// The reading half of a tail. Each topic is either joined, and its events come from the window that
// all tails share, or behind, and is read with a consumer of one's own until the window leads on
// from there:
//
//   behind --the window has what comes next--> joined
//   joined --fell out of the window, or the shared reader began anew--> behind
//
// Everything goes by the cursors, whatever the source: a record before them is skipped, and a chunk
// is taken only where they have reached its begin. So nothing is missed and nothing comes twice.
//
// One thread at a time; no call blocks.
class TailReader {
 public:
  // `wake` is called from any thread when Read is worth a call.
  TailReader(const Context& context, ReaderOptions options, std::string client_id,
             std::function<void()> wake);

  // Once, before the rest; with nothing lost.
  void Begin(const Cursors& cursors, Stamp stamp);
  // For a source of which something is lost: nothing is read.
  void SetCursors(Cursors cursors) { reader_.SetCursors(std::move(cursors)); }
  // Reads `partition` too, from its beginning.
  void Add(const kafka::TopicPartition& partition);

  // Reads until the batch is full, nothing is there, or the end that was asked for; about `most`
  // records. True: there may be more at once. `writing`: nobody waits for the batch.
  bool Read(int most, bool writing);

  bool has_batch() const { return reader_.has_batch(); }
  Message TakeBatch();
  bool reached_end() const { return reader_.reached_end(); }
  const Cursors& cursors() const { return reader_.cursors(); }
  void RefreshEnds();

  // As Reader's.
  absl::optional<absl::Status> error() const { return error_ ? error_ : reader_.error(); }
  const absl::optional<kafka::TopicPartition>& lost() const { return reader_.lost(); }
  absl::Status GoOn() { return reader_.GoOn(); }

  // Whether every topic is joined.
  bool joined() const;
  // Lets somebody else catch up: gives its place back, if it has one, until it is read again with
  // nothing being written.
  void GiveWay();
  bool has_place() const { return catch_up_.has_place(); }
  // Leaves everything.
  void Release();

 private:
  struct Topic {
    std::string name;
    std::vector<int> cursors;  // The index of each partition.
    // The cursors were in the log when this was drawn, or later; if not `sound`, they have to be
    // found there again first.
    Stamp stamp = 0;
    bool sound = true;
    std::unique_ptr<TopicReader::Member> member;  // Null: there is no window.
    absl::optional<std::uint64_t> chunk;          // The number of the next; unset: behind.
    std::size_t entry = 0;                        // In the chunk.
  };

  void Enter(const std::string& name, Stamp stamp);
  void IndexCursors();
  const Cursors::Cursor& CursorAt(int index) const { return reader_.cursors()[index]; }

  // Joins what can be joined, and sees to the consumer for the rest. True: something was joined.
  bool Arrange();
  bool Join(Topic& topic);
  bool IsSound(Topic& topic);
  void Doubt(Topic& topic);
  void ReadOwn(const std::set<std::string>& behind, bool changed);
  std::vector<kafka::TopicPartition> PartitionsOf(const std::set<std::string>& topics) const;

  void ReadShared();
  void ReadShared(Topic& topic);
  void AddPartitionsOf(const Chunk& chunk, Topic& topic);

  const Context& context_;
  const bool include_json_;
  const bool stop_at_end_;
  const std::function<void()> wake_;
  Reader reader_;
  CatchUp catch_up_;
  std::vector<Topic> topics_;
  std::set<std::string> own_;  // The topics that the consumer reads.
  absl::optional<absl::Status> error_;
  bool gave_way_ = false;
  bool shared_first_ = false;
  std::size_t first_ = 0;  // Of the topics, for the next batch.
};

}  // namespace eventbus::bus
