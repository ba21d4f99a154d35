#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bus/held_event.h"

namespace eventbus::bus {

// The events of a partition that wait, in a line for each key: one that is to be retried holds up
// those behind it. Events without a key have no order, and a line each. Pure; one thread at a time.
class Lines {
 public:
  // Puts the event into the line of its key, by its offset. It waits until `due` where it is first,
  // or comes to be; InfinitePast: for those before it alone.
  void Add(EventPtr event, absl::Time due);
  // Whether an event of that key has to wait.
  bool Holds(const absl::optional<absl::string_view>& key) const;
  // Takes what is due, in order within a key.
  std::vector<EventPtr> TakeDue(absl::Time now);
  // When something will be; InfiniteFuture: nothing waits.
  absl::Time next_due() const;

 private:
  struct Waiting {
    EventPtr event;
    absl::Time due;
  };
  using Line = std::deque<Waiting>;
  // A null key: the empty text and the offset; else the key and -1.
  using Name = std::pair<std::string, std::int64_t>;

  std::map<Name, Line> lines_;                  // Without empty ones.
  std::set<std::pair<absl::Time, Name>> dues_;  // Of the first of each.
};

}  // namespace eventbus::bus
