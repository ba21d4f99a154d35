#include "server/rdkafka/reaper.h"

#include <pthread.h>

#include <thread>

namespace eventbus::rdkafka {
namespace {

constexpr char kThreadName[] = "kafka-reaper";

}  // namespace

Reaper::~Reaper() {
  MutexLock lock(mu_);
  while (running_ > 0) done_.Wait(mu_);
}

void Reaper::Destroy(ClientHolder consumer) {
  {
    MutexLock lock(mu_);
    ++running_;
  }
  std::thread thread([this, rk = consumer.release()] {
    // There is no group to leave, so nothing to close.
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    MutexLock lock(mu_);
    --running_;
    done_.NotifyAll();  // Under the lock: with it goes the last touch of this object.
  });
  pthread_setname_np(thread.native_handle(), kThreadName);
  thread.detach();
}

}  // namespace eventbus::rdkafka
