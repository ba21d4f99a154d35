#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/bus/resume_token.h"
#include "server/kafka/consumer.h"

namespace eventbus::bus {

// Where one reader is in each of its partitions: what it has read, what it has handed on, and the
// ends it saw at its start. Pure; one thread at a time.
class Cursors {
 public:
  struct Cursor {
    kafka::TopicPartition partition;
    // The offset of the next record to be read.
    std::int64_t read = 0;
    // The offset of the next record to be delivered: everything before it has been handed on or was
    // filtered out.
    std::int64_t delivered = 0;
    // Where the partition ended at the start; what was added later has nothing to catch up with.
    std::int64_t end_at_start = 0;
    // The last end heard of.
    std::int64_t end = 0;
    // A record or the end was found at `read`, or past it, since Doubt.
    bool confirmed = false;
    // It may be of another log, until it is confirmed; then it is not caught up.
    bool unsure = false;
  };

  // Adds a partition; -1 as `end`: nothing to catch up with. Invalidates indices.
  void Add(const kafka::TopicPartition& partition, std::int64_t start, std::int64_t end,
           bool unsure = false);

  // The index of a partition, or -1.
  int Find(absl::string_view topic, std::int32_t partition) const;

  void SetRead(int index, std::int64_t next) { at(index).read = next; }
  void SetDelivered(int index, std::int64_t next) { at(index).delivered = next; }
  void SetEnd(int index, std::int64_t end) { at(index).end = end; }
  // It is another log, and begins anew as by Add.
  void StartOver(int index, std::int64_t start, std::int64_t end);
  void Confirm(int index);
  void Doubt();

  // Everything read has been handed on.
  void DeliverAll();

  // Whether everything up to the ends seen at the start has been delivered; read, not only
  // delivered, for AllRead.
  bool CaughtUp() const;
  bool AllRead() const;

  ResumeToken Token(const std::string& cluster_id) const;
  // The whole list, at the positions read.
  std::vector<kafka::StartOffset> ReadPositions() const;
  const std::vector<Cursor>& all() const { return cursors_; }
  const Cursor& operator[](int index) const { return cursors_[static_cast<std::size_t>(index)]; }

 private:
  Cursor& at(int index) { return cursors_[static_cast<std::size_t>(index)]; }

  // Sorted by topic and partition.
  std::vector<Cursor> cursors_;
};

}  // namespace eventbus::bus
