#pragma once

#include "server/base/mutex.h"
#include "server/rdkafka/handles.h"

namespace eventbus::rdkafka {

// Destroys librdkafka consumers, which joins their threads and so takes up to a second each. Each
// in a thread of its own, `kafka-reaper`, beside the four that end with it: a drain of hundreds of
// streams takes no longer than one.
//
// Shared by a factory and its consumers, as either may be last. The destructor waits until all are
// destroyed. Thread-safe.
class Reaper {
 public:
  ~Reaper();

  void Destroy(ClientHolder consumer);

 private:
  Mutex mu_;
  CondVar done_;
  int running_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace eventbus::rdkafka
