#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
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
    // Of the message, its prefix and token included.
    std::size_t max_bytes = wire::kMaxResponseBytes;
  };

  // What one event may have, so that it fits into a batch of the default limits.
  static constexpr std::size_t MaxEventBytes() { return wire::kMaxResponseBytes - kFrameBytes; }

  explicit Batch(Limits limits) : limits_(limits) {}

  // Must not be called when full. True: the event is in the batch; false: set aside, and the batch
  // is full.
  bool Add(const wire::ReceivedRecord& record,
           const std::variant<wire::Decoded, wire::Undecodable>& body, bool include_json);

  // Adds `events` events that somebody else has made, which must fit. What is small is copied: a
  // slice costs more than a few hundred bytes do.
  void AddShared(const Slice& slice, int events);
  // Whether `events` more of `bytes` in all fit; a first event always does.
  bool Fits(int events, std::size_t bytes) const;
  // Full from now on, until it is taken.
  void Close() { closed_ = true; }

  bool empty() const { return events_ == 0; }
  bool full() const { return closed_ || events_ >= limits_.max_events || !set_aside_.empty(); }
  int events() const { return events_; }

  // The batch as a SubscribeResponse; `ack_token` settles it, where it is not empty, and has at
  // most wire::kMaxAckTokenBytes. What was set aside becomes the next batch.
  Message Take(absl::string_view ack_token = {});
  // Forgets everything, what was set aside included.
  void Clear();

 private:
  std::size_t MaxBytes() const { return limits_.max_bytes - kFrameBytes; }
  std::size_t size() const { return parts_bytes_ + bytes_.size(); }
  void EndPart();

  // What is kept free for the prefix and the batch's token.
  static constexpr std::size_t kFrameBytes = 16 + wire::kMaxBatchTokenBytes;
  const Limits limits_;
  int events_ = 0;
  bool closed_ = false;
  std::vector<Slice> parts_;
  std::size_t parts_bytes_ = 0;
  std::string bytes_;  // After the parts.
  std::string set_aside_;
};

}  // namespace eventbus::bus
