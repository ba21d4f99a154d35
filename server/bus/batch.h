#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "server/bus/stream.h"
#include "server/wire/decode.h"
#include "server/wire/delivery.h"

namespace eventbus::bus {

// The events that wait for the next write, as the bytes of an EventBatch. One event more than fits
// is set aside for the batch after. One thread at a time.
class Batch {
 public:
  struct Limits {
    int max_events = 256;
    // Of the message, its prefix included.
    std::size_t max_bytes = wire::kMaxResponseBytes;
  };

  explicit Batch(Limits limits) : limits_(limits) {}

  // Must not be called when full. True: the event is in the batch; false: set aside, and the batch
  // is full.
  bool Add(const wire::ReceivedRecord& record,
           const std::variant<wire::Decoded, wire::Undecodable>& body, bool include_json);

  bool empty() const { return events_ == 0; }
  bool full() const { return events_ >= limits_.max_events || !set_aside_.empty(); }
  int events() const { return events_; }

  // The batch as a SubscribeResponse. What was set aside becomes the next batch.
  Message Take();
  // Forgets everything, what was set aside included.
  void Clear();

 private:
  std::size_t MaxBytes() const { return limits_.max_bytes - kPrefixBytes; }

  static constexpr std::size_t kPrefixBytes = 16;
  const Limits limits_;
  int events_ = 0;
  std::string bytes_;
  std::string set_aside_;
};

}  // namespace eventbus::bus
