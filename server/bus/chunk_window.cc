#include "server/bus/chunk_window.h"

#include <algorithm>
#include <utility>

namespace eventbus::bus {
namespace {

bool AtOrPast(const Positions& read, const Positions& required) {
  for (std::size_t i = 0; i < required.size(); ++i) {
    if (PositionOf(read, i) < required[i]) return false;
  }
  return true;
}

}  // namespace

void ChunkWindow::Append(std::shared_ptr<const Chunk> chunk) {
  bytes_ += chunk->size();
  end_ = chunk->next;
  chunks_.push_back(std::move(chunk));
  Trim();
}

void ChunkWindow::Trim() {
  while (chunks_.size() > 1 &&
         (bytes_ > limits_.max_bytes || chunks_.size() > limits_.max_chunks)) {
    bytes_ -= chunks_.front()->size();
    chunks_.pop_front();
    ++first_;
  }
}

void ChunkWindow::Restart(Positions start) {
  first_ += chunks_.size() + 1;
  chunks_.clear();
  bytes_ = 0;
  end_ = std::move(start);
}

absl::optional<std::uint64_t> ChunkWindow::Find(const Positions& read) const {
  const auto found =
      std::partition_point(chunks_.begin(), chunks_.end(),
                           [&read](const auto& chunk) { return AtOrPast(read, chunk->next); });
  const Positions& begin = found == chunks_.end() ? end_ : (*found)->begin;
  if (!AtOrPast(read, begin)) return absl::nullopt;
  return first_ + static_cast<std::uint64_t>(found - chunks_.begin());
}

std::shared_ptr<const Chunk> ChunkWindow::Get(std::uint64_t number) const {
  const std::uint64_t index = number - first_;
  return index < chunks_.size() ? chunks_[index] : nullptr;
}

}  // namespace eventbus::bus
