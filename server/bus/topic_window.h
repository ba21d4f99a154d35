#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/base/mutex.h"
#include "server/bus/chunk.h"
#include "server/bus/chunk_window.h"

namespace eventbus::bus {

// Orders look-ups. One draws a stamp, then finds a position in the log; a reader draws one after it
// has found where to begin. Where the first is the later of the two, both are of the same log: the
// topic has not been made anew between them.
using Stamp = std::uint64_t;

// Between the reader of a topic and those it reads for: the newest chunks, in two forms, without
// the records' JSON and with it, each kept only while somebody wants it; and who waits for more.
// Thread-safe; its lock is a leaf: nobody is woken under it.
class TopicWindow {
 public:
  static constexpr std::size_t kForms = 2;
  template <typename T>
  using OfEachForm = std::array<T, kForms>;
  static std::size_t FormOf(bool include_json) { return include_json ? 1 : 0; }

  // One who may read from the window.
  struct Member {
    bool include_json = false;
    // Called from any thread when there may be something new.
    std::function<void()> wake;
    bool waiting = false;  // Under the window's lock.
  };
  // What Next found.
  struct Found {
    // Null: it comes next, and then the member is woken; or it is lost.
    std::shared_ptr<const Chunk> chunk;
    // No longer in the window: Find again, or read elsewhere.
    bool lost = false;
  };

  // What is read begins at `start`, found before `since` was drawn.
  TopicWindow(ChunkWindow::Limits limits, Positions start, Stamp since, absl::Time now);

  // ---- For members, who outlive their membership.
  // False: closed.
  bool Enter(Member& member);
  // True: nobody is left.
  bool Leave(Member& member, absl::Time now);
  // The number of the chunk with which one goes on who has everything before `read`, positions that
  // were found in the log after `stamp` was drawn. Unset: the window does not lead on from there.
  absl::optional<std::uint64_t> Find(bool include_json, const Positions& read, Stamp stamp) const;
  Found Next(Member& member, std::uint64_t number);
  // When the reader found where to begin; unset: it is about to.
  absl::optional<Stamp> since() const;
  // The ends of the partitions, as last heard.
  Positions ends() const;

  // ---- For the reader.
  // Which forms are wanted now.
  OfEachForm<bool> Wanted() const;
  // What was read up to `read`: a chunk of each form that was wanted before it was read.
  void Publish(OfEachForm<std::shared_ptr<const Chunk>> chunks, const Positions& read);
  void SetEnds(Positions ends);
  // Nothing leads on from what was read so far; everybody is out.
  void Stop();
  // Reading goes on at `start`, found before `since` was drawn.
  void BeginAnew(const Positions& start, Stamp since);
  // Since when there has been no member; unset: there is one.
  absl::optional<absl::Time> unused_since() const;
  // Takes no member any more. False, and it does, where it has one.
  bool Close();

 private:
  // One form of the topic's events.
  struct Form {
    absl::optional<ChunkWindow> window;
    int members = 0;
  };
  using Wakes = std::vector<std::function<void()>>;

  Wakes TakeWakes(bool all) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropUnwanted() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const ChunkWindow::Limits limits_;
  mutable Mutex mu_;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  absl::optional<Stamp> since_ ABSL_GUARDED_BY(mu_);
  Positions position_ ABSL_GUARDED_BY(mu_);  // What has been published.
  Positions ends_ ABSL_GUARDED_BY(mu_);
  OfEachForm<Form> forms_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_set<Member*> members_ ABSL_GUARDED_BY(mu_);
  absl::Time unused_since_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::bus
