#include "server/bus/batch.h"

#include <memory>

namespace eventbus::bus {

bool Batch::Add(const wire::ReceivedRecord& record,
                const std::variant<wire::Decoded, wire::Undecodable>& body, bool include_json) {
  const std::size_t before = bytes_.size();
  wire::AppendReceivedEvent(record, body, include_json, MaxBytes(), bytes_);
  if (before == 0 || bytes_.size() <= MaxBytes()) {
    ++events_;
    return true;
  }
  set_aside_ = bytes_.substr(before);
  bytes_.resize(before);
  return false;
}

Message Batch::Take() {
  Message message;
  message.push_back(std::make_shared<const std::string>(wire::BatchPrefix(bytes_.size())));
  const std::size_t size = bytes_.size();
  message.push_back(std::make_shared<const std::string>(std::move(bytes_)));
  bytes_ = std::move(set_aside_);
  set_aside_.clear();
  events_ = bytes_.empty() ? 0 : 1;
  if (bytes_.empty()) bytes_.reserve(size + size / 8);  // The next batch is likely to be as large.
  return message;
}

void Batch::Clear() {
  events_ = 0;
  bytes_.clear();
  set_aside_.clear();
}

}  // namespace eventbus::bus
