#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/types/optional.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "server/bus/publish_stream.h"

namespace eventbus::fakes {

// A client's end of a publish stream: reads are answered and writes are done when the test says so.
// Not thread-safe.
class FakePublishSink final : public bus::PublishSink {
 public:
  void Read() override { reading_ = true; }

  void Write(std::string response) override {
    writing_ = true;
    responses_.emplace_back();
    parsed_ = responses_.back().ParseFromString(response) && parsed_;
  }

  void Close(const absl::Status& status) override {
    if (!closed_.has_value()) closed_ = status;
  }

  void Cut() override { cut_ = true; }

  // The stream asks for a message. TakeRead: it is about to have it.
  bool reading() const { return reading_; }
  bool TakeRead() { return std::exchange(reading_, false); }
  bool FinishWrite() { return std::exchange(writing_, false); }

  // Every response is one, and every one there has been so far.
  bool parsed() const { return parsed_; }
  const std::vector<v1::PublishStreamResponse>& responses() const { return responses_; }
  const absl::optional<absl::Status>& closed() const { return closed_; }
  bool cut() const { return cut_; }

 private:
  bool reading_ = false;
  bool writing_ = false;
  bool parsed_ = true;
  bool cut_ = false;
  std::vector<v1::PublishStreamResponse> responses_;
  absl::optional<absl::Status> closed_;
};

}  // namespace eventbus::fakes
