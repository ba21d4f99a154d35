#include "server/bus/topic_window.h"

#include <algorithm>
#include <utility>

namespace eventbus::bus {
namespace {

void Call(const std::vector<std::function<void()>>& wakes) {
  for (const auto& wake : wakes) wake();
}

}  // namespace

TopicWindow::TopicWindow(ChunkWindow::Limits limits, Positions start, Stamp since, absl::Time now)
    : limits_(limits),
      since_(since),
      position_(start),
      ends_(std::move(start)),
      unused_since_(now) {}

bool TopicWindow::Enter(Member& member) {
  MutexLock lock(mu_);
  if (closed_) return false;
  members_.insert(&member);
  Form& form = forms_[FormOf(member.include_json)];
  ++form.members;
  if (!form.window.has_value()) form.window.emplace(limits_, position_);
  DropUnwanted();
  return true;
}

// The last member may come back: what it could go on with is kept.
bool TopicWindow::Leave(Member& member, absl::Time now) {
  MutexLock lock(mu_);
  if (members_.erase(&member) == 0) return false;
  --forms_[FormOf(member.include_json)].members;
  if (!members_.empty()) {
    DropUnwanted();
    return false;
  }
  unused_since_ = now;
  return true;
}

void TopicWindow::DropUnwanted() {
  for (Form& form : forms_) {
    if (form.members == 0) form.window.reset();
  }
}

absl::optional<std::uint64_t> TopicWindow::Find(bool include_json, const Positions& read,
                                                Stamp stamp) const {
  MutexLock lock(mu_);
  if (!since_.has_value() || stamp < *since_) return absl::nullopt;
  return forms_[FormOf(include_json)].window->Find(read);
}

TopicWindow::Found TopicWindow::Next(Member& member, std::uint64_t number) {
  MutexLock lock(mu_);
  const ChunkWindow& window = *forms_[FormOf(member.include_json)].window;
  if (!window.Covers(number)) return {nullptr, true};
  Found found{window.Get(number), false};
  member.waiting = found.chunk == nullptr;
  return found;
}

absl::optional<Stamp> TopicWindow::since() const {
  MutexLock lock(mu_);
  return since_;
}

Positions TopicWindow::ends() const {
  MutexLock lock(mu_);
  return ends_;
}

TopicWindow::OfEachForm<bool> TopicWindow::Wanted() const {
  MutexLock lock(mu_);
  return {forms_[0].window.has_value(), forms_[1].window.has_value()};
}

void TopicWindow::Publish(OfEachForm<std::shared_ptr<const Chunk>> chunks, const Positions& read) {
  Wakes wakes;
  {
    MutexLock lock(mu_);
    position_ = read;
    ends_.resize(read.size(), 0);
    for (std::size_t i = 0; i < read.size(); ++i) ends_[i] = std::max(ends_[i], read[i]);
    for (std::size_t i = 0; i < kForms; ++i) {
      absl::optional<ChunkWindow>& window = forms_[i].window;
      if (!window.has_value()) continue;
      if (chunks[i] != nullptr) {
        window->Append(std::move(chunks[i]));
      } else {
        window->Restart(read);  // It came while the chunk was read.
      }
    }
    wakes = TakeWakes(/*all=*/false);
  }
  Call(wakes);
}

void TopicWindow::SetEnds(Positions ends) {
  MutexLock lock(mu_);
  ends_ = std::move(ends);
}

void TopicWindow::Stop() {
  Wakes wakes;
  {
    MutexLock lock(mu_);
    since_.reset();
    for (Form& form : forms_) {
      if (form.window.has_value()) form.window->Restart(position_);
    }
    wakes = TakeWakes(/*all=*/true);
  }
  Call(wakes);
}

void TopicWindow::BeginAnew(const Positions& start, Stamp since) {
  Wakes wakes;
  {
    MutexLock lock(mu_);
    since_ = since;
    position_ = start;
    ends_ = start;
    for (Form& form : forms_) {
      if (form.window.has_value()) form.window->Restart(start);
    }
    wakes = TakeWakes(/*all=*/true);
  }
  Call(wakes);
}

TopicWindow::Wakes TopicWindow::TakeWakes(bool all) {
  Wakes wakes;
  for (Member* member : members_) {
    if (std::exchange(member->waiting, false) || all) wakes.push_back(member->wake);
  }
  return wakes;
}

absl::optional<absl::Time> TopicWindow::unused_since() const {
  MutexLock lock(mu_);
  if (!members_.empty()) return absl::nullopt;
  return unused_since_;
}

bool TopicWindow::Close() {
  MutexLock lock(mu_);
  if (!members_.empty()) return false;
  closed_ = true;
  DropUnwanted();
  return true;
}

}  // namespace eventbus::bus
