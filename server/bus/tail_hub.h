#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "server/base/mutex.h"
#include "server/bus/look_ups.h"
#include "server/bus/places.h"
#include "server/bus/topic_reader.h"

namespace eventbus::bus {

struct TailHubOptions {
  TopicReaderOptions reader;
  // Tails that read on their own, because they are behind, at a time.
  int max_catching_up = 32;
};

// What the tails of a server share: one reader a topic, one consumer for look-ups, and a bound on
// those that catch up on their own. Thread-safe; its executors have stopped before it goes.
// Lock: its own, never held when it calls.
class TailHub {
 public:
  TailHub(const wire::Plan& plan, kafka::ConsumerFactory& consumers, const ClusterMonitor& monitor,
          Executor& executor, Executor& blocking, const Clock& clock, TailHubOptions options);

  LookUps& look_ups() { return look_ups_; }
  Places& catching_up() { return catching_up_; }
  Stamp NextStamp() { return ++stamps_; }

  // A member of the topic's reader. Where there is none, one is opened at `ends`, which were the
  // topic's when they were looked up; `stamp` then is a later one: the same positions are sound.
  std::unique_ptr<TopicReader::Member> Enter(const std::string& topic, const Positions& ends,
                                             bool include_json, std::function<void()> wake,
                                             Stamp& stamp);
  // The same where there is a reader; else null.
  std::unique_ptr<TopicReader::Member> EnterIfOpen(const std::string& topic, bool include_json,
                                                   std::function<void()> wake);

  // How often tails went on from the shared window, and how often one fell out of it.
  std::int64_t joins() const { return joins_; }
  std::int64_t leaves() const { return leaves_; }
  void CountJoin() { ++joins_; }
  void CountLeave() { ++leaves_; }

 private:
  std::atomic<Stamp> stamps_{0};
  const TopicReaderContext context_;
  const TailHubOptions options_;
  LookUps look_ups_;
  Places catching_up_;
  std::atomic<std::int64_t> joins_{0};
  std::atomic<std::int64_t> leaves_{0};
  Mutex mu_;
  std::map<std::string, std::shared_ptr<TopicReader>> readers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::bus
