#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/types/optional.h"

namespace eventbus::rpc {

// The answers to the requests of a stream, which may become known in any order and leave in that of
// the requests. Not thread-safe. Pure.
class AnswerQueue {
 public:
  // Of a request; counted from 0.
  using Id = std::uint64_t;

  // A request of this size is to be answered.
  Id Expect(std::size_t request_bytes);
  // The answer to it. Once for each.
  void Answer(Id id, std::string answer);

  // Whether the first request that Take has not answered is.
  bool ready() const { return !entries_.empty() && entries_.front().answer.has_value(); }
  // Its answer. Only where ready.
  std::string Take();

  // Requests that Take has not answered, and the bytes of those and of their answers.
  std::size_t size() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::size_t bytes = 0;
    absl::optional<std::string> answer;
  };

  std::deque<Entry> entries_;
  Id first_ = 0;  // Of the front.
  std::size_t bytes_ = 0;
};

}  // namespace eventbus::rpc
