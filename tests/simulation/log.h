#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/kafka/record.h"
#include "tests/simulation/random.h"
#include "tests/simulation/schedule.h"

namespace eventbus::simulation {

// What an event is.
enum class Kind { kPlain, kFiltered, kUndecodable, kKiller };

struct Record {
  std::int64_t offset = 0;
  int key = -1;  // -1: null.
  Kind kind = Kind::kPlain;
};

// A record by its partition's index and its own.
struct EventId {
  int part = 0;
  int index = 0;

  bool operator==(const EventId&) const = default;
};

// One partition. Offsets may have holes.
struct LogPart {
  kafka::TopicPartition name;
  std::vector<Record> records;
  std::int64_t begin = 0;
  std::int64_t end = 0;

  // Of the first record at `offset` or after it; records.size(): there is none.
  int IndexFrom(std::int64_t offset) const;
};

// The partitions of Kafka.
class WorldLog {
 public:
  explicit WorldLog(const Setup& setup);

  const std::vector<LogPart>& parts() const { return parts_; }
  const LogPart& part(int index) const { return parts_[static_cast<std::size_t>(index)]; }
  const Record& record(EventId id) const {
    return part(id.part).records[static_cast<std::size_t>(id.index)];
  }
  // -1: not one of ours.
  int Find(absl::string_view topic, std::int32_t partition) const;
  int Find(const kafka::TopicPartition& partition) const {
    return Find(partition.topic, partition.partition);
  }
  std::vector<std::string> topics() const;

  void Append(int part, int count, Random& random);
  // As retention does: `count` records more cannot be read.
  void Truncate(int part, int count);
  // The record as a consumer is handed it. Valid for ever.
  kafka::RecordView View(EventId id) const;

 private:
  LogPart& at(int index) { return parts_[static_cast<std::size_t>(index)]; }

  const Setup& setup_;
  int killers_ = 0;
  std::vector<LogPart> parts_;
};

}  // namespace eventbus::simulation
