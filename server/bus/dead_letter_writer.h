#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/mutex.h"
#include "server/bus/dead_letters.h"
#include "server/kafka/producer.h"

namespace eventbus::bus {

// Writes dead letters through a producer of its own, which is made when it is first needed: most
// servers never write one. Thread-safe.
class DeadLetterWriter {
 public:
  using MakeProducer = std::function<absl::StatusOr<std::unique_ptr<kafka::Producer>>()>;

  explicit DeadLetterWriter(MakeProducer make) : make_(std::move(make)) {}

  // Makes the producer, unless it is there: a few threads.
  absl::Status Start();

  // As DeadLetters::Write. Errors are the producer's.
  void Write(const DeadLetter& letter, DeadLetters::Done done);

  // As the producer's.
  bool Flush(absl::Duration timeout);

  // As the producer's; from then on letters are refused with SERVER_DRAINING.
  void Stop();

 private:
  absl::StatusOr<kafka::Producer*> GetProducer() ABSL_LOCKS_EXCLUDED(mu_);

  const MakeProducer make_;
  Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  // Set once.
  std::unique_ptr<kafka::Producer> producer_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::bus
