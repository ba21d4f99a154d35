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
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), offset,
                       [](const Entry& entry, std::int64_t o) { return entry.offset < o; });
  if (found == entries_.end() || found->offset != offset) return;
  found->settled = true;
  DropPrefix();
}

void Ledger::Rewind(std::int64_t next) {
  if (next >= next_) return;
  std::vector<Span> spans;
  Append({next, prefix()}, spans);  // All of it was settled.
  for (const Span& span : settled()) Append(span, spans);
  restored_ = std::move(spans);
  while (!entries_.empty() && entries_.back().offset >= next) entries_.pop_back();
  next_ = next;
}

std::vector<Span> Ledger::settled() const {
  std::vector<Span> spans;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].settled) continue;
    const std::size_t first = i;
    while (i + 1 < entries_.size() && entries_[i + 1].settled) ++i;
    Append({entries_[first].offset, entries_[i].offset + 1}, spans);
  }
  for (const Span& span : restored_) Append({std::max(span.begin, next_), span.end}, spans);
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
