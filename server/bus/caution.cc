#include "server/bus/caution.h"

#include <algorithm>

namespace eventbus::bus {

Caution Caution::After(const Mark& found, const Reach& reach, std::int64_t* failed) {
  *failed = -1;
  Caution caution;
  caution.few_until_ = found.few_until;
  caution.one_until_ = found.one_until;
  if (!found.open) return caution;
  if (found.out.end > found.out.begin) {
    caution.Suspect(found.out, failed);
  } else {
    caution.few_until_ = std::max(caution.few_until_, Far(found, reach));
  }
  return caution;
}

std::int64_t Caution::Far(const Mark& found, const Reach& reach) {
  std::int64_t far = reach.span;
  if (found.few_until - reach.committed >= far) far = 2 * (found.few_until - reach.committed);
  return std::min(reach.committed + far, reach.end);
}

int Caution::MostBeside(std::int64_t offset) const {
  if (offset < one_until_) return 1;
  return offset < few_until_ ? kFew : 0;
}

void Caution::EndWith(Span with, std::int64_t* failed) {
  *failed = -1;
  if (with.end > with.begin && out_.end > out_.begin) {
    Suspect(out_, failed);
  } else if (with.end > with.begin) {
    few_until_ = std::max(few_until_, with.end);
  }
  out_ = {};
}

// Of those that are out, the ones that are settled below the prefix have nothing to do with an end.
// One that is left of several was not alone: that it is delivered alone next time is all that
// follows.
Mark Caution::mark(bool open, std::int64_t prefix) const {
  Mark mark{open, few_until_, one_until_, open ? out_ : Span()};
  if (mark.out.begin >= prefix) return mark;
  mark.out = mark.out.end > prefix ? Span{prefix, mark.out.end} : Span();
  if (mark.out.end != prefix + 1) return mark;
  mark.out = {};
  mark.one_until = std::max(one_until_, prefix + 1);
  return mark;
}

void Caution::Suspect(Span out, std::int64_t* failed) {
  few_until_ = std::max(few_until_, out.end);
  one_until_ = std::max(one_until_, out.end);
  if (out.end == out.begin + 1) *failed = out.begin;
}

}  // namespace eventbus::bus
