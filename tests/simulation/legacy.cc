#include "tests/simulation/legacy.h"

#include <algorithm>

namespace eventbus::simulation {

Legacy::Legacy(const WorldLog& log, Coordinator& coordinator, Checker& checker)
    : log_(log), coordinator_(coordinator), checker_(checker), member_(coordinator.Join([] {})) {}

bool Legacy::Follow() {
  bool any = false;
  while (coordinator_.TakeEvent(member_, *this)) any = true;
  return any;
}

void Legacy::OnAssigned(const Coordinator::Parts& parts) {
  for (const int part : parts) {
    const auto& committed = coordinator_.committed(part);
    const std::int64_t offset = committed.has_value() ? committed->offset : 0;
    reading_.push_back({part, std::max(offset, log_.part(part).begin), offset});
    checker_.OnLookedUp(member_, part);
  }
  checker_.OnAssigned(member_, parts, /*all=*/true);
  coordinator_.Assign(member_);
}

void Legacy::OnRevoked(const Coordinator::Parts& /*parts*/, bool lost) {
  if (!lost) {
    for (Reading& reading : reading_) Commit(reading);
  }
  reading_.clear();
  coordinator_.Release(member_);
}

// At once, and where Kafka would take it.
void Legacy::Commit(Reading& reading) {
  if (reading.committed == reading.next) return;
  if (!coordinator_.CommitNow(member_, {log_.part(reading.part).name, reading.next, ""})) return;
  reading.committed = reading.next;
  checker_.OnLegacyCommit(reading.part, reading.next);
}

void Legacy::Act(Random& random) {
  Follow();
  for (Reading& reading : reading_) {
    const LogPart& part = log_.part(reading.part);
    reading.next = std::max(reading.next, part.begin);
    for (int count = random.Below(4); count > 0; --count) {
      const EventId id{reading.part, part.IndexFrom(reading.next)};
      if (id.index >= static_cast<int>(part.records.size())) break;
      checker_.OnLegacyRead(id);
      reading.next = log_.record(id).offset + 1;
    }
    if (random.OneIn(2)) Commit(reading);
  }
}

}  // namespace eventbus::simulation
