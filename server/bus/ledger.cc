#include "server/bus/ledger.h"

#include <algorithm>
#include <utility>

namespace eventbus::bus {
namespace {

// Appends a span that does not begin before the last; joins the two where they touch.
void Append(Span span, std::vector<Span>& spans) {
  if (span.begin >= span.end) return;
  if (!spans.empty() && span.begin <= spans.back().end) {
    spans.back().end = std::max(spans.back().end, span.end);
  } else {
    spans.push_back(span);
  }
}

// Of the entry with this offset; the end: there is none.
template <typename Entries>
auto FindIn(Entries& entries, std::int64_t offset) {
  const auto found =
      std::lower_bound(entries.begin(), entries.end(), offset,
                       [](const auto& entry, std::int64_t o) { return entry.offset < o; });
  return found == entries.end() || found->offset == offset ? found : entries.end();
}

}  // namespace

bool Ledger::Read(std::int64_t offset) {
  const bool settled = WasSettled(offset);
  next_ = offset + 1;
  entries_.push_back({offset, settled});
  DropPrefix();
  return !settled;
}

void Ledger::ReadTo(std::int64_t next) { next_ = std::max(next_, next); }

void Ledger::Settle(std::int64_t offset) {
  const auto found = FindIn(entries_, offset);
  if (found == entries_.end()) return;
  found->settled = true;
  DropPrefix();
}

// What is settled right where reading is needs no span of its own.
std::int64_t Ledger::prefix() const {
  if (!entries_.empty()) return entries_.front().offset;
  for (const Span& span : restored_) {
    if (span.begin <= next_ && next_ < span.end) return span.end;
  }
  return next_;
}

bool Ledger::IsSettled(std::int64_t offset) const {
  if (offset < prefix() || WasSettled(offset)) return true;
  const auto found = FindIn(entries_, offset);
  return found != entries_.end() && found->settled;
}

std::vector<Span> Ledger::settled() const {
  std::vector<Span> spans;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].settled) continue;
    const std::size_t first = i;
    while (i + 1 < entries_.size() && entries_[i + 1].settled) ++i;
    Append({entries_[first].offset, entries_[i].offset + 1}, spans);
  }
  const std::int64_t begin = std::max(next_, prefix());
  for (const Span& span : restored_) Append({std::max(span.begin, begin), span.end}, spans);
  return spans;
}

bool Ledger::WasSettled(std::int64_t offset) const {
  return std::any_of(restored_.begin(), restored_.end(), [offset](const Span& span) {
    return span.begin <= offset && offset < span.end;
  });
}

void Ledger::DropPrefix() {
  while (!entries_.empty() && entries_.front().settled) entries_.pop_front();
}

}  // namespace eventbus::bus
