#include "server/rdkafka/reaper.h"

#include <pthread.h>

#include <utility>

namespace eventbus::rdkafka {
namespace {

constexpr char kThreadName[] = "kafka-reaper";

}  // namespace

Reaper::Reaper() : thread_([this] { Run(); }) {
  pthread_setname_np(thread_.native_handle(), kThreadName);
}

Reaper::~Reaper() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.NotifyOne();
  thread_.join();
}

void Reaper::Destroy(ClientHolder consumer) {
  {
    MutexLock lock(mu_);
    queue_.push_back(std::move(consumer));
  }
  changed_.NotifyOne();
}

void Reaper::Run() {
  while (ClientHolder consumer = Next()) {
    // There is no group to leave, so nothing to close.
    rd_kafka_destroy_flags(consumer.release(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
}

ClientHolder Reaper::Next() {
  MutexLock lock(mu_);
  while (queue_.empty() && !stopping_) changed_.Wait(mu_);
  if (queue_.empty()) return nullptr;
  ClientHolder consumer = std::move(queue_.front());
  queue_.pop_front();
  return consumer;
}

}  // namespace eventbus::rdkafka
