#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/bus/part.h"

namespace eventbus::bus {

// A partition of a group's, from `position` on; nothing of it is committed.
inline std::shared_ptr<Part> MakePart(std::int64_t position = 0, std::int32_t number = 0) {
  return std::make_shared<Part>(kafka::TopicPartition{"document-events", number}, position,
                                absl::nullopt, /*end=*/1000);
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
