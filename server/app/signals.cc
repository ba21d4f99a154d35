#include "server/app/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

namespace eventbus::app {
namespace {

sigset_t Ending() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

Signals::Signals() {
  const sigset_t signals = Ending();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

int Signals::Wait() const {
  const sigset_t signals = Ending();
  int number = 0;
  sigwait(&signals, &number);
  return number;
}

// The thread is never joined: it ends with the process.
void Signals::ExitOnNext() const {
  std::thread([] { _exit(128 + Signals().Wait()); }).detach();
}

}  // namespace eventbus::app
