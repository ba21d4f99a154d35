#pragma once

#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "server/bus/stream.h"

namespace eventbus::fakes {

// A client's end of a stream that tests read from: a write is done when the test says so. Not
// thread-safe.
class FakeSink final : public bus::StreamSink {
 public:
  bool Write(bus::Message message) override {
    if (writing_ || closed_.has_value() || broken_) return false;
    writing_ = true;
    Keep(message);
    return true;
  }

  void Close(const absl::Status& status, std::vector<bus::Message> last) override {
    if (closed_.has_value()) return;
    closed_ = status;
    for (const bus::Message& message : last) Keep(message);
  }

  // The write under way, if any, is done: tell the subscription.
  bool FinishWrite() { return std::exchange(writing_, false); }
  void Break() { broken_ = true; }

  // What has been written so far, forgotten by this call.
  std::vector<v1::SubscribeResponse> Take() { return std::exchange(messages_, {}); }
  const absl::optional<absl::Status>& closed() const { return closed_; }

 private:
  void Keep(const bus::Message& message) {
    std::string bytes;
    for (const bus::Slice& part : message) bytes.append(part.view().data(), part.size);
    v1::SubscribeResponse response;
    if (response.ParseFromString(bytes)) messages_.push_back(std::move(response));
  }

  bool writing_ = false;
  bool broken_ = false;
  absl::optional<absl::Status> closed_;
  std::vector<v1::SubscribeResponse> messages_;
};

}  // namespace eventbus::fakes
