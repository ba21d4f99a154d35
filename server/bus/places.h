#pragma once

#include <functional>
#include <list>
#include <memory>

#include "server/base/mutex.h"

namespace eventbus::bus {

// A number of places; who finds none free waits in order. Thread-safe; outlives its places.
class Places {
 public:
  // A place, or one's turn to get one. Its destructor gives it back.
  class Place {
   public:
    Place(Places& places, std::function<void()> on_granted)
        : places_(places), on_granted_(std::move(on_granted)) {}
    ~Place() { places_.Leave(*this); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    bool granted() const { return places_.IsGranted(*this); }

   private:
    friend class Places;
    Places& places_;
    const std::function<void()> on_granted_;
    bool granted_ = false;  // Under the lock of the places.
  };

  explicit Places(int most) : free_(most) {}

  // `on_granted` is called from any thread if the place is not free at once.
  std::unique_ptr<Place> Ask(std::function<void()> on_granted);

 private:
  bool IsGranted(const Place& place) const;
  void Leave(Place& place);

  mutable Mutex mu_;
  int free_ ABSL_GUARDED_BY(mu_);
  std::list<Place*> waiting_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::bus
