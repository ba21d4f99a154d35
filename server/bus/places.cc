#include "server/bus/places.h"

#include <utility>

namespace eventbus::bus {

std::unique_ptr<Places::Place> Places::Ask(std::function<void()> on_granted) {
  auto place = std::make_unique<Place>(*this, std::move(on_granted));
  MutexLock lock(mu_);
  if (free_ > 0) {
    --free_;
    place->granted_ = true;
  } else {
    waiting_.push_back(place.get());
  }
  return place;
}

bool Places::IsGranted(const Place& place) const {
  MutexLock lock(mu_);
  return place.granted_;
}

void Places::Leave(Place& place) {
  std::function<void()> on_granted;  // A copy: its place may go as soon as the lock is given up.
  {
    MutexLock lock(mu_);
    if (!place.granted_) {
      waiting_.remove(&place);
    } else if (waiting_.empty()) {
      ++free_;
    } else {
      Place& next = *waiting_.front();
      waiting_.pop_front();
      next.granted_ = true;
      on_granted = next.on_granted_;
    }
  }
  if (on_granted != nullptr) on_granted();
}

}  // namespace eventbus::bus
