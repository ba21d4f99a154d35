#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/bus/held_event.h"

namespace eventbus::bus {

// The events of a stream that are given up, until they are in the dead-letter topic. One that
// cannot be written is tried again after kMinBackoff, doubling to kMaxBackoff. Pure; one thread at
// a time.
class Letters {
 public:
  using Id = std::uint64_t;
  static constexpr absl::Duration kMinBackoff = absl::Seconds(1);
  static constexpr absl::Duration kMaxBackoff = absl::Seconds(60);

  struct Letter {
    EventPtr event;
    int deliveries = 0;
    std::string reason;
  };

  void Add(Letter letter, absl::Time now);
  // Those that are to be written now.
  std::vector<std::pair<Id, Letter>> TakeDue(absl::Time now);
  // What became of it. Written: its event, which is settled; null where it is gone by now.
  EventPtr Written(Id id);
  void Failed(Id id, absl::Time now);
  // Forgets those whose events are gone; what is being written of them is not asked for any more.
  void DropGone();

  int writing() const { return writing_; }
  absl::Time next_due() const;
  // Whether that event could not be written when it was tried last.
  bool HasFailed(const HeldEvent& event) const;

 private:
  struct Entry {
    Letter letter;
    int failures = 0;
    bool writing = false;
    absl::Time due;
  };

  std::map<Id, Entry> letters_;
  Id last_ = 0;
  int writing_ = 0;
};

}  // namespace eventbus::bus
