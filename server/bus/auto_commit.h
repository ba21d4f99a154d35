#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "server/bus/commits.h"

namespace eventbus::bus {

// What a group that does not acknowledge (ACK_MODE_AUTO) commits: of each partition the offset up
// to which everything has been written to the stream, or was filtered out. Never more: what is
// read, or handed to a write that is not done, comes again after a crash. Pure; one thread at a
// time.
class AutoCommit final : public Commits {
 public:
  void Add(const kafka::TopicPartition& partition, std::int64_t position, std::int64_t end,
           const absl::optional<kafka::GroupOffset>& known) override;
  absl::optional<std::int64_t> Resume(const kafka::TopicPartition&,
                                      const absl::optional<kafka::GroupOffset>&) override {
    return absl::nullopt;
  }
  void Close(const kafka::TopicPartition&) override {}
  // What has not been written by then is read again.
  void Park(const kafka::TopicPartition& partition) override { Remove(partition); }
  void DropParked() override {}
  // No commit passes them before what tells of them is written.
  void AddGap(const kafka::TopicPartition& partition, const Span& gap) override;
  void TellGaps(const kafka::TopicPartition& partition, std::int64_t end) override;
  // A write under way counts for it no more.
  void Remove(const kafka::TopicPartition& partition) override;
  // What is not delivered has not been taken.
  bool keeps_what_was_read() const override { return false; }
  void Take(const Cursors& cursors) override;
  void Written() override;
  bool due() const override;
  bool first_due() const override;
  bool urgent() const override { return false; }
  std::vector<kafka::GroupOffset> TakeDue() override;
  std::vector<kafka::GroupOffset> TakeLast() override;
  void Committed(const std::vector<kafka::GroupOffset>& offsets) override;
  void Failed(const std::vector<kafka::GroupOffset>& offsets, const absl::Status& why) override;

 private:
  struct Offsets {
    std::int64_t taken = 0;
    std::int64_t written = 0;
    // On its way to Kafka, and there; -1: none.
    std::int64_t sent = -1;
    std::int64_t committed = -1;
    // What the group had to begin with.
    std::int64_t first = 0;
    // No commit passes it while a gap is not told; the end of the last gap; the end of the last
    // that was handed to a write.
    std::int64_t held_at = std::numeric_limits<std::int64_t>::max();
    std::int64_t gaps_end = 0;
    std::int64_t telling = 0;

    std::int64_t due() const { return std::min(written, held_at); }
  };

  std::map<kafka::TopicPartition, Offsets> partitions_;
};

}  // namespace eventbus::bus
