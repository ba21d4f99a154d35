#include "server/bus/tail_hub.h"

#include <utility>

namespace eventbus::bus {

TailHub::TailHub(const wire::Plan& plan, kafka::ConsumerFactory& consumers,
                 const ClusterMonitor& monitor, Executor& executor, Executor& blocking,
                 const Clock& clock, TailHubOptions options)
    : context_{plan, consumers, monitor, executor, blocking, clock, stamps_},
      options_(std::move(options)),
      look_ups_(consumers, executor, options_.reader.client_id),
      catching_up_(options_.max_catching_up) {}

std::unique_ptr<TopicReader::Member> TailHub::Enter(const std::string& topic, const Positions& ends,
                                                    bool include_json, std::function<void()> wake,
                                                    Stamp& stamp) {
  std::shared_ptr<TopicReader> reader;
  while (true) {
    const std::shared_ptr<TopicReader> closed = std::move(reader);
    {
      MutexLock lock(mu_);
      std::shared_ptr<TopicReader>& current = readers_[topic];
      if (current == closed) {  // Both may be null.
        stamp = ++stamps_;
        current = TopicReader::Make(context_, options_.reader, topic, ends, stamp);
      }
      reader = current;
    }
    if (auto member = reader->Enter(include_json, wake)) return member;
  }
}

std::unique_ptr<TopicReader::Member> TailHub::EnterIfOpen(const std::string& topic,
                                                          bool include_json,
                                                          std::function<void()> wake) {
  std::shared_ptr<TopicReader> reader;
  {
    MutexLock lock(mu_);
    const auto found = readers_.find(topic);
    if (found != readers_.end()) reader = found->second;
  }
  return reader == nullptr ? nullptr : reader->Enter(include_json, std::move(wake));
}

}  // namespace eventbus::bus
