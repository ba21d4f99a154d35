#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/mutex.h"
#include "server/kafka/record.h"

namespace eventbus::bus {

// The event that holds a partition back: its first that is not settled.
struct BlockingEvent {
  std::int64_t offset = 0;
  // Empty where it has none.
  std::string event_id;
  // As in the record; unset: null.
  absl::optional<std::string> key;
  absl::Time read_at;
  // 1 and its failures so far.
  int attempts = 1;
};

// A partition that a stream has.
struct HeldPartition {
  kafka::TopicPartition partition;
  // UNSPECIFIED: the committed offset moves.
  v1::BlockedReason blocked = v1::BLOCKED_REASON_UNSPECIFIED;
  // Unset: all that was read is settled.
  absl::optional<BlockingEvent> blocking_event;
  // Events that are with the client and not settled.
  std::int64_t outstanding = 0;
  // Deliveries are few at a time, up to this offset; unset: they are not.
  absl::optional<std::int64_t> careful_until;
};

// What a stream of this server has of its group.
struct HeldStream {
  std::string stream_id;
  // Kafka's: `eventbus/<host>/<client_id>`.
  std::string client_id;
  std::vector<HeldPartition> partitions;
};

// A stream that can say what it has. Thread-safe.
class GroupInspected {
 public:
  using Done = absl::AnyInvocable<void(HeldStream)>;

  virtual ~GroupInspected() = default;

  // `done` runs at most once, on any thread, soon. One that is destroyed instead, as where the
  // stream ends meanwhile, says that there is nothing to say. Does not block.
  virtual void Inspect(Done done) = 0;
};

// The streams of this server by their groups, to be asked. Thread-safe; a stream is called under no
// lock.
class GroupInspector {
 public:
  using Done = absl::AnyInvocable<void(std::vector<HeldStream>)>;

  // A stream of `group` begins; Leave where it ends.
  void Enter(const std::string& group, std::weak_ptr<GroupInspected> stream);
  void Leave(const std::string& group, const GroupInspected* stream);

  // Asks every stream of `group`. `done` runs once, when all have answered or gone, on the thread
  // of the last; in this call where there are none. By stream id.
  void Inspect(const std::string& group, Done done);

 private:
  using Streams = std::map<const GroupInspected*, std::weak_ptr<GroupInspected>>;

  Mutex mu_;
  std::map<std::string, Streams> groups_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::bus
