#include "server/bus/batch.h"

#include <memory>

namespace eventbus::bus {
namespace {

constexpr std::size_t kCopiedBelow = 1024;

}  // namespace

bool Batch::Add(const wire::ReceivedRecord& record,
                const std::variant<wire::Decoded, wire::Undecodable>& body, bool include_json) {
  const std::size_t before = bytes_.size();
  wire::AppendReceivedEvent(record, body, include_json, MaxBytes(), bytes_);
  if (empty() || size() <= MaxBytes()) {
    ++events_;
    return true;
  }
  set_aside_ = bytes_.substr(before);
  bytes_.resize(before);
  return false;
}

bool Batch::Fits(int events, std::size_t bytes) const {
  if (full() || events_ + events > limits_.max_events) return false;
  return size() + bytes <= MaxBytes() || (empty() && events == 1);
}

void Batch::AddShared(const Slice& slice, int events) {
  events_ += events;
  if (slice.size < kCopiedBelow) {
    bytes_.append(slice.view().data(), slice.size);
    return;
  }
  EndPart();
  parts_.push_back(slice);
  parts_bytes_ += slice.size;
}

void Batch::EndPart() {
  if (bytes_.empty()) return;
  parts_bytes_ += bytes_.size();
  parts_.emplace_back(std::make_shared<const std::string>(std::move(bytes_)));
  bytes_.clear();
}

Message Batch::Take(absl::string_view ack_token) {
  const std::size_t own = bytes_.size();
  wire::AppendBatchToken(ack_token, bytes_);
  EndPart();
  Message message;
  message.reserve(1 + parts_.size());
  message.emplace_back(std::make_shared<const std::string>(wire::BatchPrefix(parts_bytes_)));
  for (Slice& part : parts_) message.push_back(std::move(part));
  std::string next = std::move(set_aside_);
  Clear();
  bytes_ = std::move(next);
  events_ = bytes_.empty() ? 0 : 1;
  if (bytes_.empty()) bytes_.reserve(own + own / 8);  // The next batch is likely to be as large.
  return message;
}

void Batch::Clear() {
  events_ = 0;
  closed_ = false;
  parts_.clear();
  parts_bytes_ = 0;
  bytes_.clear();
  set_aside_.clear();
}

}  // namespace eventbus::bus
