#include "server/rpc/stream_registry.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/error.h"

namespace eventbus::rpc {
absl::StatusOr<StreamRegistry::Id> StreamRegistry::Enter() {
  MutexLock lock(mu_);
  if (draining_) {
    ++refused_;
    return MakeRetryError(v1::ERROR_REASON_SERVER_DRAINING, "the server is shutting down");
  }
  if (streams_.size() >= max_streams_) {
    return MakeRetryError(v1::ERROR_REASON_TOO_MANY_STREAMS,
                          absl::StrCat(streams_.size(), " streams, at most ", max_streams_));
  }
  streams_.emplace(++last_, std::weak_ptr<bus::LiveStream>());
  return last_;
}

void StreamRegistry::Attach(Id id, std::weak_ptr<bus::LiveStream> stream) {
  absl::Duration remaining;
  {
    MutexLock lock(mu_);
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    found->second = stream;
    if (!draining_) return;
    remaining = remaining_;
  }
  if (const auto live = stream.lock()) live->Drain(remaining);
}

void StreamRegistry::Leave(Id id) {
  MutexLock lock(mu_);
  streams_.erase(id);
  changed_.NotifyAll();
}

void StreamRegistry::Drain(absl::Duration remaining) {
  std::vector<std::shared_ptr<bus::LiveStream>> live;
  {
    MutexLock lock(mu_);
    draining_ = true;
    remaining_ = remaining;
    for (const auto& [id, stream] : streams_) {
      if (auto shared = stream.lock()) live.push_back(std::move(shared));
    }
  }
  for (const auto& stream : live) stream->Drain(remaining);
}

bool StreamRegistry::WaitUntilEmpty(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  MutexLock lock(mu_);
  while (!streams_.empty() && absl::Now() < deadline) {
    changed_.WaitFor(mu_, deadline - absl::Now());
  }
  return streams_.empty();
}

void StreamRegistry::WakeAll() {
  std::vector<std::shared_ptr<bus::LiveStream>> live;
  {
    MutexLock lock(mu_);
    for (const auto& [id, stream] : streams_) {
      if (auto shared = stream.lock()) live.push_back(std::move(shared));
    }
  }
  for (const auto& stream : live) stream->Wake();
}

std::int64_t StreamRegistry::refused() const {
  MutexLock lock(mu_);
  return refused_;
}

std::size_t StreamRegistry::size() const {
  MutexLock lock(mu_);
  return streams_.size();
}

}  // namespace eventbus::rpc
