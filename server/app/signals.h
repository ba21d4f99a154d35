#pragma once

namespace eventbus::app {

// SIGTERM and SIGINT, taken in order by whoever waits. Made first in main, before any thread: it
// blocks the signals in every thread that comes after, and ignores SIGPIPE.
class Signals {
 public:
  Signals();

  // Blocks until a signal is there; returns its number.
  int Wait() const;

  // From now on the next signal ends the process at once, with 128 plus its number.
  void ExitOnNext() const;
};

}  // namespace eventbus::app
