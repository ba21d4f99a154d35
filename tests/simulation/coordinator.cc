#include "tests/simulation/coordinator.h"

#include <algorithm>
#include <utility>

#include "server/base/error.h"
#include "tests/simulation/checker.h"

namespace eventbus::simulation {
namespace {

constexpr std::size_t kSmallMetadata = 24;

bool Contains(const std::vector<int>& parts, int part) {
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

absl::Status Refused() {
  static const absl::Status& status = *new absl::Status(
      MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "the commit was not taken"));
  return status;
}

absl::Status TooLarge() {
  static const absl::Status& status = *new absl::Status(
      MakeError(v1::ERROR_REASON_EVENT_TOO_LARGE, "the commit's metadata is too large"));
  return status;
}

}  // namespace

Coordinator::MemberId Coordinator::Join(std::function<void()> wake) {
  members_.push_back(std::make_unique<Member>());
  members_.back()->wake = std::move(wake);
  StartRebalance();
  return static_cast<MemberId>(members_.size()) - 1;
}

void Coordinator::Assign(MemberId id) {
  Member& member = at(id);
  if (!std::exchange(member.awaiting_assign, false)) return;
  if (std::exchange(member.loss_waits, false)) return Revoke(member, member.owned, /*lost=*/true);
  if (preparing_ && member.in_group) {
    Ask(member);
    TryComplete();
  }
}

void Coordinator::Release(MemberId id) {
  Member& member = at(id);
  member.releasing = true;
  const bool replies = std::any_of(member.events.begin(), member.events.end(),
                                   [](const Event& e) { return e.kind == Event::Kind::kReply; });
  if (member.requests.empty() && !replies) FinishRelease(id);
}

void Coordinator::FinishRelease(MemberId id) {
  Member& member = at(id);
  member.releasing = false;
  member.revoking = false;
  const Parts revoked = std::exchange(member.revoked, {});
  if (!member.lost) checker_.OnReleased(id, revoked);
  member.lost = false;
  std::erase_if(member.owned, [&](int part) { return Contains(revoked, part); });
  if (!member.in_group) {
    // What it kept is lost, too.
    if (std::exchange(member.loss_waits, false) && !member.owned.empty()) {
      return Revoke(member, member.owned, /*lost=*/true);
    }
    member.in_group = true;
    member.owned.clear();
    return StartRebalance();
  }
  if (cooperative()) return StartRebalance();
  member.rejoined = true;
  TryComplete();
}

void Coordinator::Commit(MemberId id, std::vector<kafka::GroupOffset> offsets, Done done) {
  Member& member = at(id);
  member.requests.push_back({std::move(offsets), std::move(done), member.generation});
}

bool Coordinator::CommitNow(MemberId id, const kafka::GroupOffset& offset) {
  const Member& member = at(id);
  if (!member.in_group || member.generation != generation_ || member.rejoined) return false;
  committed_[static_cast<std::size_t>(log_.Find(offset.partition))] = offset;
  return true;
}

void Coordinator::Leave(MemberId id, std::vector<kafka::GroupOffset> offsets, Done done) {
  Member& member = at(id);
  member.leaving = true;
  for (Event& event : std::exchange(member.events, {})) {
    if (event.kind == Event::Kind::kReply) event.done(event.status);
  }
  member.requests.push_back({std::move(offsets), std::move(done), member.generation,
                             /*leaves=*/true, clock_.Now() + kLeavePatience});
}

void Coordinator::Drop(MemberId id) {
  Member& member = at(id);
  if (member.dead) return;
  member.dead = true;
  member.requests.clear();
  member.events.clear();
  checker_.OnEnded(id, /*clean=*/false);
  Remove(id);
}

void Coordinator::Remove(MemberId id) {
  Member& member = at(id);
  member.dead = true;
  member.wake = [] {};
  member.owned.clear();
  member.expires = absl::InfiniteFuture();
  if (!std::exchange(member.in_group, false)) return;
  StartRebalance();
}

bool Coordinator::TakeEvent(MemberId id, Receiver& receiver) {
  Member& member = at(id);
  if (member.events.empty()) return false;
  Event event = std::move(member.events.front());
  member.events.pop_front();
  switch (event.kind) {
    case Event::Kind::kAssigned:
      receiver.OnAssigned(event.parts);
      return true;
    case Event::Kind::kRevoked:
    case Event::Kind::kLost:
      receiver.OnRevoked(event.parts, event.kind == Event::Kind::kLost);
      return true;
    case Event::Kind::kReply:
      event.done(event.status);
      if (member.releasing && member.requests.empty() && member.events.empty()) FinishRelease(id);
      return true;
  }
  return true;
}

Coordinator::MemberId Coordinator::FindRequest(std::uint32_t turn) const {
  std::vector<MemberId> found;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!members_[i]->requests.empty()) found.push_back(static_cast<MemberId>(i));
  }
  return found.empty() ? -1 : found[turn % found.size()];
}

void Coordinator::Process(MemberId id, Outcome outcome) {
  Member& member = at(id);
  Request request = std::move(member.requests.front());
  member.requests.pop_front();
  absl::Status status = request.offsets.empty() ? absl::OkStatus() : Apply(id, request, outcome);
  if (!request.leaves) return Answer(id, request, status);
  checker_.OnEnded(id, status.ok());
  Remove(id);
  request.done(status);
}

void Coordinator::Answer(MemberId id, Request& request, const absl::Status& status) {
  Member& member = at(id);
  if (status.ok()) checker_.OnCommitKnown(id, request.offsets);
  if (member.leaving) return request.done(status);
  Event reply;
  reply.done = std::move(request.done);
  reply.status = status;
  Tell(member, std::move(reply));
}

absl::Status Coordinator::Apply(MemberId id, const Request& request, Outcome outcome) {
  const Member& member = at(id);
  const bool fenced = !member.in_group || request.generation != generation_ || member.rejoined;
  if (fenced && !(cooperative() && member.in_group && request.generation == generation_)) {
    checker_.OnCommitFailed(id, request.offsets);
    return Refused();
  }
  if (setup_.small_metadata) {
    for (const kafka::GroupOffset& offset : request.offsets) {
      if (offset.metadata.size() <= kSmallMetadata) continue;
      checker_.OnCommitFailed(id, request.offsets);
      return TooLarge();
    }
  }
  if (outcome == Outcome::kLost) {
    checker_.OnCommitFailed(id, request.offsets);
    return Refused();
  }
  for (const kafka::GroupOffset& offset : request.offsets) {
    committed_[static_cast<std::size_t>(log_.Find(offset.partition))] = offset;
  }
  checker_.OnApplied(id, request.offsets);
  if (outcome == Outcome::kDone) return absl::OkStatus();
  checker_.OnCommitFailed(id, request.offsets);
  return Refused();
}

void Coordinator::Kill(MemberId id, std::size_t reached) {
  Member& member = at(id);
  if (member.dead) return;
  bool left = false;
  for (Request& request : std::exchange(member.requests, {})) {
    if (reached > 0 && !request.offsets.empty()) {
      Apply(id, request, Outcome::kDone).IgnoreError();
    }
    left = request.leaves && reached > 0;
    reached -= std::min<std::size_t>(reached, 1);
    // Lets its stream end, where nobody sees it.
    if (request.leaves) request.done(Refused());
  }
  member.dead = true;
  member.wake = [] {};
  member.events.clear();
  checker_.OnEnded(id, left);
  if (left) return Remove(id);
  if (member.in_group) member.expires = clock_.Now() + kSession;
}

bool Coordinator::Kick(MemberId id) {
  Member& member = at(id);
  if (member.dead || member.leaving || !member.in_group) return false;
  member.in_group = false;
  checker_.OnKicked(id);
  const bool untold =
      std::any_of(member.events.begin(), member.events.end(),
                  [](const Event& event) { return event.kind == Event::Kind::kRevoked; });
  if (untold) {
    for (Event& event : member.events) {
      if (event.kind == Event::Kind::kRevoked) event.kind = Event::Kind::kLost;
    }
    member.lost = true;
    // With a cooperative assignor what it keeps is lost as well.
    for (Event& event : member.events) {
      if (event.kind == Event::Kind::kLost) event.parts = member.owned;
    }
    member.revoked = member.owned;
  } else if (member.awaiting_assign) {
    member.loss_waits = true;
    checker_.OnAssignmentLost(id);
  } else if (!member.revoking) {
    if (member.owned.empty()) {
      member.in_group = true;
      member.rejoined = false;
    } else {
      Revoke(member, member.owned, /*lost=*/true);
    }
  } else if (cooperative()) {
    member.loss_waits = true;
  }
  StartRebalance();
  return true;
}

void Coordinator::Tick() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const auto id = static_cast<MemberId>(i);
    Member& member = *members_[i];
    if (member.dead && clock_.Now() >= member.expires) Remove(id);
    if (!member.dead && member.leaving && !member.requests.empty() &&
        clock_.Now() >= member.requests.back().by) {
      Request last = std::move(member.requests.back());
      member.requests.clear();
      checker_.OnCommitFailed(id, last.offsets);
      checker_.OnEnded(id, /*clean=*/false);
      member.dead = true;
      member.wake = [] {};
      if (member.in_group) member.expires = clock_.Now() + kSession;
      last.done(Refused());
    }
  }
}

absl::Time Coordinator::next_tick() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& member : members_) {
    if (member->dead) next = std::min(next, member->expires);
  }
  return next;
}

// ---- Rebalances.

void Coordinator::StartRebalance() {
  preparing_ = true;
  for (const auto& member : members_) {
    if (member->in_group) Ask(*member);
  }
  TryComplete();
}

void Coordinator::Ask(Member& member) {
  if (member.rejoined || member.dead || member.leaving) return;
  if (member.awaiting_assign || member.revoking) return;
  if (cooperative() || member.owned.empty()) {
    member.rejoined = true;
  } else {
    Revoke(member, member.owned, /*lost=*/false);
  }
}

void Coordinator::Revoke(Member& member, Parts parts, bool lost) {
  member.revoking = true;
  member.lost = lost;
  member.revoked = parts;
  Event event;
  event.kind = lost ? Event::Kind::kLost : Event::Kind::kRevoked;
  event.parts = std::move(parts);
  Tell(member, std::move(event));
}

void Coordinator::TryComplete() {
  if (!preparing_) return;
  for (const auto& member : members_) {
    if (member->in_group && !member->rejoined) return;
  }
  preparing_ = false;
  ++generation_;
  for (auto& [id, parts] : Deal()) Give(id, parts);
}

void Coordinator::Give(MemberId id, const Parts& target) {
  Member& member = at(id);
  member.generation = generation_;
  member.rejoined = false;
  Parts given = target;
  if (cooperative()) {
    Parts taken;
    for (const int part : member.owned) {
      if (!Contains(target, part)) taken.push_back(part);
    }
    if (!taken.empty()) return Revoke(member, std::move(taken), /*lost=*/false);
    std::erase_if(given, [&](int part) {
      return Contains(member.owned, part) || OwnedByAnyBut(member, part);
    });
    member.owned.insert(member.owned.end(), given.begin(), given.end());
  } else {
    member.owned = target;
  }
  member.awaiting_assign = true;
  Event event;
  event.kind = Event::Kind::kAssigned;
  event.parts = std::move(given);
  Tell(member, std::move(event));
}

bool Coordinator::OwnedByAnyBut(const Member& member, int part) const {
  return std::any_of(members_.begin(), members_.end(), [&](const auto& other) {
    return other.get() != &member && other->in_group && Contains(other->owned, part);
  });
}

std::map<Coordinator::MemberId, Coordinator::Parts> Coordinator::Deal() const {
  std::vector<MemberId> ids;
  std::map<MemberId, Parts> dealt;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!members_[i]->in_group) continue;
    ids.push_back(static_cast<MemberId>(i));
    dealt[ids.back()];
  }
  if (ids.empty()) return dealt;
  if (cooperative()) {
    DealSticky(ids, dealt);
    return dealt;
  }
  const int parts = static_cast<int>(log_.parts().size());
  for (int part = 0; part < parts; ++part) {
    std::size_t to = static_cast<std::size_t>(part);
    if (setup_.assignor == Assignor::kRange) {
      to = static_cast<std::size_t>(part % setup_.partitions) * ids.size() /
           static_cast<std::size_t>(setup_.partitions);
    }
    dealt[ids[to % ids.size()]].push_back(part);
  }
  return dealt;
}

// Everybody keeps what fits into an even share; the rest goes to those who have least.
void Coordinator::DealSticky(const std::vector<MemberId>& ids,
                             std::map<MemberId, Parts>& dealt) const {
  const std::size_t parts = log_.parts().size();
  const std::size_t most = (parts + ids.size() - 1) / ids.size();
  std::vector<bool> taken(parts, false);
  for (const MemberId id : ids) {
    for (const int part : at(id).owned) {
      if (dealt[id].size() >= most || taken[static_cast<std::size_t>(part)]) continue;
      dealt[id].push_back(part);
      taken[static_cast<std::size_t>(part)] = true;
    }
  }
  for (std::size_t part = 0; part < parts; ++part) {
    if (taken[part]) continue;
    const MemberId least = *std::min_element(ids.begin(), ids.end(), [&](MemberId a, MemberId b) {
      return dealt[a].size() < dealt[b].size();
    });
    dealt[least].push_back(static_cast<int>(part));
  }
}

void Coordinator::Tell(Member& member, Event event) {
  member.events.push_back(std::move(event));
  member.wake();
}

}  // namespace eventbus::simulation
