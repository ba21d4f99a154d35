#pragma once

#include <memory>

#include "absl/functional/any_invocable.h"
#include "server/base/mutex.h"
#include "server/rdkafka/handles.h"

namespace eventbus::rdkafka {

// Destroys librdkafka consumers, which joins their threads and so takes up to a second each. Each
// in a thread of its own, `kafka-reaper`, beside the four that end with it: a drain of hundreds of
// streams takes no longer than one.
//
// Shared by a factory and its consumers, as either may be last. Its destructor waits for what is
// being destroyed, at most five seconds: librdkafka 2.0 never ends a consumer that reads a topic
// which was deleted, or forbidden, meanwhile (2.8 does). Such a one stays, with its threads, as
// long as the process. Thread-safe.
class Reaper {
 public:
  ~Reaper();

  // For a consumer that never joined a group.
  void Destroy(ClientHolder consumer);

  // Runs what ends a consumer in another way, then destroys it.
  void Run(absl::AnyInvocable<void()> end);

 private:
  struct State {
    Mutex mu;
    CondVar done;
    int running ABSL_GUARDED_BY(mu) = 0;
  };

  // Shared with the threads: one that never ends outlives the reaper.
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace eventbus::rdkafka
