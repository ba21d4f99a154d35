#pragma once

#include <string>
#include <utility>
#include <vector>

#include "server/bus/dead_letter_topics.h"
#include "server/bus/dead_letter_writer.h"
#include "server/bus/dead_letters.h"

namespace eventbus::bus {

// The dead-letter topics on a Kafka. Thread-safe; what is handed in outlives it.
class DeadLetterQueues final : public DeadLetters {
 public:
  DeadLetterQueues(kafka::Admin& admin, const ClusterMonitor& monitor, const Clock& clock,
                   DeadLetterWriter::MakeProducer make_producer,
                   DeadLetterTopics::Options options = {})
      : topics_(admin, monitor, clock, options), writer_(std::move(make_producer)) {}

  absl::Status Prepare(const std::string& group, const std::vector<std::string>& topics) override {
    const absl::Status status = topics_.Prepare(group, topics);
    return status.ok() ? writer_.Start() : status;
  }

  void Write(DeadLetter letter, Done done) override { writer_.Write(letter, std::move(done)); }

  // Waits until every letter taken is written or has failed, at most `timeout`. True: all have.
  bool Flush(absl::Duration timeout) { return writer_.Flush(timeout); }

  // Fails the letters that are not written yet, and all that come. Waits for no broker.
  void Stop() { writer_.Stop(); }

 private:
  DeadLetterTopics topics_;
  DeadLetterWriter writer_;
};

}  // namespace eventbus::bus
