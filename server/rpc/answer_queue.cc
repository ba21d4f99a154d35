#include "server/rpc/answer_queue.h"

#include <utility>

namespace eventbus::rpc {

AnswerQueue::Id AnswerQueue::Expect(std::size_t request_bytes) {
  entries_.push_back({request_bytes, absl::nullopt});
  bytes_ += request_bytes;
  return first_ + entries_.size() - 1;
}

void AnswerQueue::Answer(Id id, std::string answer) {
  Entry& entry = entries_[id - first_];
  entry.bytes += answer.size();
  bytes_ += answer.size();
  entry.answer = std::move(answer);
}

std::string AnswerQueue::Take() {
  std::string answer = *std::move(entries_.front().answer);
  bytes_ -= entries_.front().bytes;
  entries_.pop_front();
  ++first_;
  return answer;
}

}  // namespace eventbus::rpc
