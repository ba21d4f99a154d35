#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/bus/part.h"

namespace eventbus::bus {

// A partition that drops what it holds at the end, as a stream does: its events hold it.
class OwnPart {
 public:
  explicit OwnPart(std::shared_ptr<Part> part) : part_(std::move(part)) {}
  ~OwnPart() { part_->Drop(); }
  OwnPart(const OwnPart&) = delete;
  OwnPart& operator=(const OwnPart&) = delete;

  Part& operator*() const { return *part_; }
  Part* operator->() const { return part_.get(); }
  const std::shared_ptr<Part>& shared() const { return part_; }

 private:
  const std::shared_ptr<Part> part_;
};

// A partition of a group's, from `position` on; nothing of it is committed.
inline OwnPart MakePart(std::int64_t position = 0) {
  return OwnPart(std::make_shared<Part>(kafka::TopicPartition{"document-events", 0}, position,
                                        absl::nullopt, /*end=*/1000, Part::Limits()));
}

// What the partition keeps of a record there, which it has read.
inline EventPtr Keep(Part& part, std::int64_t offset,
                     absl::optional<absl::string_view> key = absl::nullopt,
                     absl::Time now = absl::UnixEpoch()) {
  kafka::RecordView record;
  record.topic = part.partition().topic;
  record.partition = part.partition().partition;
  record.offset = offset;
  record.key = key;
  record.value = "x";
  part.Read(offset);
  return part.Keep(record, now);
}

}  // namespace eventbus::bus
