#pragma once

#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/kafka/record.h"

namespace eventbus::bus {

class Part;

// An event that was read and is not settled. One thread at a time.
struct HeldEvent {
  enum class State {
    kReady,      // To be delivered next.
    kCollected,  // In the batch that goes next.
    kOut,        // With the client.
    kWaiting,    // For its retry, or behind one of the same key.
    kLetter,     // To be written to the dead-letter topic.
    kSettled,
    kGone,  // Its partition is no longer this stream's.
  };

  const absl::optional<absl::string_view>& key() const { return record->view().key; }

  std::shared_ptr<Part> part;
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
  // Unset once it is settled or gone.
  absl::optional<kafka::KeptRecord> record;
  State state = State::kReady;
  // Whether it has been with the client; the number of its delivery, see bus/deliveries; and of the
  // one that the client has sent back, as long as the event waits for what is to come of that.
  bool delivered = false;
  std::uint64_t number = 0;
  absl::optional<std::uint64_t> sent_back;
  absl::Time read_at;
  // Since it has been in this state.
  absl::Time since;
  // The call under way wants something else of it than its batch's token does.
  bool set_aside = false;
};

using EventPtr = std::shared_ptr<HeldEvent>;

}  // namespace eventbus::bus
