#include "server/bus/caution.h"

#include <algorithm>

namespace eventbus::bus {

Caution Caution::After(const Mark& found, std::int64_t committed, std::int64_t end,
                       std::int64_t* failed) {
  *failed = -1;
  Caution caution;
  caution.few_until_ = found.few_until;
  caution.one_until_ = found.one_until;
  if (!found.open) return caution;
  if (found.out.end > found.out.begin) {
    caution.Suspect(found.out, failed);
  } else {
    caution.few_until_ = std::max(caution.few_until_, std::min(end, committed + kReach));
  }
  return caution;
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

void Caution::Suspect(Span out, std::int64_t* failed) {
  few_until_ = std::max(few_until_, out.end);
  one_until_ = std::max(one_until_, out.end);
  if (out.end == out.begin + 1) *failed = out.begin;
}

}  // namespace eventbus::bus
