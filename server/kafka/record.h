#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace eventbus::kafka {

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;

  auto operator<=>(const TopicPartition&) const = default;
};

// A record header of a record to be written; unset `value`: Kafka's null.
struct Header {
  std::string key;
  absl::optional<std::string> value;
};

// A record to be written.
struct OutgoingRecord {
  std::string topic;
  // Unset: null.
  absl::optional<std::string> key;
  absl::optional<std::string> value;
  std::vector<Header> headers;
  // Unset: by the key.
  absl::optional<std::int32_t> partition;
};

// Where a record was written.
struct Position {
  std::int32_t partition = 0;
  // -1: written by an attempt whose answer was lost, and Kafka did not say where.
  std::int64_t offset = 0;
};

// A record header of a record that was read; null `value`: Kafka's null.
struct HeaderView {
  absl::string_view key;
  absl::optional<absl::string_view> value;
};

// A record that was read. Its views are valid only during the call that hands it out.
struct RecordView {
  absl::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  // Milliseconds since the epoch; -1: the record has none.
  std::int64_t timestamp_ms = -1;
  // Unset: null.
  absl::optional<absl::string_view> key;
  absl::optional<absl::string_view> value;
  std::vector<HeaderView> headers;
};

// A record that was read, kept. Its bytes are shared by copies and never changed: as cheap to copy
// as a pointer, and thread-safe.
class KeptRecord {
 public:
  explicit KeptRecord(const RecordView& record);

  // Valid as long as any copy lives.
  const RecordView& view() const { return data_->view; }

 private:
  struct Data {
    std::string bytes;
    RecordView view;
  };

  std::shared_ptr<const Data> data_;
};

}  // namespace eventbus::kafka
