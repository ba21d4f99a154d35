#include "server/rdkafka/reaper.h"

#include <pthread.h>

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/base/log.h"
#include "server/rdkafka/main_thread.h"

namespace eventbus::rdkafka {
namespace {

constexpr char kThreadName[] = "kafka-reaper";
constexpr absl::Duration kPatience = absl::Seconds(5);

}  // namespace

Reaper::~Reaper() {
  const absl::Time deadline = absl::Now() + kPatience;
  MutexLock lock(state_->mu);
  while (state_->running > 0 && absl::Now() < deadline) {
    state_->done.WaitFor(state_->mu, deadline - absl::Now());
  }
  if (state_->running > 0) {
    Log(LogLevel::kError, "Kafka consumers do not end, and are left behind",
        {{"consumers", absl::StrCat(state_->running)}});
  }
}

void Reaper::Destroy(ClientHolder consumer) {
  // There is no group to leave, so nothing to close.
  Run([rk = consumer.release()] {
    // What was just assigned anew has first to stop; see Consumer::Assign.
    AwaitMainThread(rk);
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  });
}

void Reaper::Run(absl::AnyInvocable<void()> end) {
  {
    MutexLock lock(state_->mu);
    ++state_->running;
  }
  std::thread thread([state = state_, end = std::move(end)]() mutable {
    end();
    end = nullptr;
    MutexLock lock(state->mu);
    --state->running;
    state->done.NotifyAll();
  });
  pthread_setname_np(thread.native_handle(), kThreadName);
  thread.detach();
}

}  // namespace eventbus::rdkafka
