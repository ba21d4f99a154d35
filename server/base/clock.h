#pragma once

#include "absl/time/time.h"

namespace eventbus {

// The time of day. Handed in, so that what decides by time can be tested without waiting.
// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
  // Blocks the calling thread for `duration`. One that is set by hand moves on by it instead.
  virtual void Sleep(absl::Duration duration) const = 0;

  // The machine's clock; lives for ever.
  static const Clock& System();
};

}  // namespace eventbus
