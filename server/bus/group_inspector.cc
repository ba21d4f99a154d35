#include "server/bus/group_inspector.h"

#include <algorithm>
#include <utility>

namespace eventbus::bus {
namespace {

// What one call has heard. Every stream that is yet to answer holds it: the last one to let go of
// it hands it over.
class Heard {
 public:
  explicit Heard(GroupInspector::Done done) : done_(std::move(done)) {}
  ~Heard() {
    std::sort(streams_.begin(), streams_.end(),
              [](const HeldStream& a, const HeldStream& b) { return a.stream_id < b.stream_id; });
    done_(std::move(streams_));
  }
  Heard(const Heard&) = delete;
  Heard& operator=(const Heard&) = delete;

  void Add(HeldStream stream) {
    MutexLock lock(mu_);
    streams_.push_back(std::move(stream));
  }

 private:
  GroupInspector::Done done_;
  Mutex mu_;
  std::vector<HeldStream> streams_;  // Under the lock, until the destructor.
};

}  // namespace

void GroupInspector::Enter(const std::string& group, std::weak_ptr<GroupInspected> stream) {
  const GroupInspected* key = stream.lock().get();
  MutexLock lock(mu_);
  groups_[group].insert_or_assign(key, std::move(stream));
}

void GroupInspector::Leave(const std::string& group, const GroupInspected* stream) {
  MutexLock lock(mu_);
  const auto found = groups_.find(group);
  if (found == groups_.end()) return;
  found->second.erase(stream);
  if (found->second.empty()) groups_.erase(found);
}

void GroupInspector::Inspect(const std::string& group, Done done) {
  const auto heard = std::make_shared<Heard>(std::move(done));
  std::vector<std::shared_ptr<GroupInspected>> streams;
  {
    MutexLock lock(mu_);
    const auto found = groups_.find(group);
    if (found == groups_.end()) return;
    for (const auto& [key, weak] : found->second) {
      if (auto stream = weak.lock()) streams.push_back(std::move(stream));
    }
  }
  for (const auto& stream : streams) {
    stream->Inspect([heard](HeldStream held) { heard->Add(std::move(held)); });
  }
}

}  // namespace eventbus::bus
