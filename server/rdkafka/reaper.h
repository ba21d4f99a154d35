#pragma once

#include <deque>
#include <thread>

#include "server/base/mutex.h"
#include "server/rdkafka/handles.h"

namespace eventbus::rdkafka {

// Destroys librdkafka consumers in a thread of its own, `kafka-reaper`: it joins their threads,
// which takes as long as a broker takes to be given up.
//
// Shared by a factory and its consumers, as either may be last. The destructor waits until all are
// destroyed. Thread-safe.
class Reaper {
 public:
  Reaper();
  ~Reaper();

  void Destroy(ClientHolder consumer);

 private:
  void Run();
  // Null: stopping, and none is left.
  ClientHolder Next();

  Mutex mu_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<ClientHolder> queue_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace eventbus::rdkafka
