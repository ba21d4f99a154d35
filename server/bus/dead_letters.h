#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "server/kafka/record.h"

namespace eventbus::bus {

// A record that a group gives up.
struct DeadLetter {
  std::string group;
  kafka::KeptRecord record;
  // How often it was delivered.
  int deliveries = 0;
  // `max_delivery_attempts`, `undecodable`, or the client's word.
  std::string reason;
};

// The dead-letter topics of the groups: of a group's topic `<topic>.<group>.dlq`. Thread-safe.
class DeadLetters {
 public:
  // Runs once, on any thread, perhaps within Write; must not block. OK: the letter is in Kafka. Any
  // error: it may be written again, and then may be there twice.
  using Done = absl::AnyInvocable<void(absl::Status)>;

  virtual ~DeadLetters() = default;

  // Whether the group can give up records of `topics`, whose dead-letter topics are created where
  // they are missing. Blocks: for the blocking pool. Errors: DEAD_LETTER_UNAVAILABLE,
  // KAFKA_UNAVAILABLE, REQUEST_INVALID (a name would be too long).
  virtual absl::Status Prepare(const std::string& group,
                               const std::vector<std::string>& topics) = 0;

  // Writes one letter, with acks=all, to its origin's partition. Does not block.
  virtual void Write(DeadLetter letter, Done done) = 0;
};

}  // namespace eventbus::bus
