#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "server/bus/context.h"
#include "server/bus/places.h"
#include "server/kafka/consumer.h"

namespace eventbus::bus {

// A tail's way to a consumer of its own, while it needs one: a place among those that catch up,
// then a consumer. An outage of Kafka is outlived. One thread at a time; no call blocks.
class CatchUp {
 public:
  // `wake` is called, from any thread, when Take is worth a call.
  CatchUp(const Context& context, std::string client_id, std::function<void()> wake);
  ~CatchUp();  // As Release.

  // Asks for a consumer of `partitions`, unless that is under way.
  void Ask(const std::vector<kafka::TopicPartition>& partitions);
  // What came of it: the consumer, not reading yet, or why there is none. Unset: not known yet.
  absl::optional<absl::StatusOr<std::shared_ptr<kafka::Consumer>>> Take();
  bool has_place() const { return place_ != nullptr; }
  // Gives the place back once `consumer` (may be null) is closed, and forgets what was asked for.
  void Release(std::shared_ptr<kafka::Consumer> consumer);

 private:
  struct Result;

  const Context& context_;
  const std::string client_id_;
  const std::function<void()> wake_;
  std::shared_ptr<Places::Place> place_;  // Held by whoever opens or closes a consumer, too.
  std::shared_ptr<Result> result_;        // Of the consumer that is being opened.
};

}  // namespace eventbus::bus
