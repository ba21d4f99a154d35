#pragma once

#include <cstdint>

#include "server/bus/commit_metadata.h"

namespace eventbus::bus {

// Finds the event that kills its consumer, or the whole server, without blaming the events that
// were with the consumer beside it. A partition's mark is open in Kafka from before the first
// delivery until a clean end; who finds it open knows that the member before ended uncleanly, and
// goes on with care: of the events that may have been with the client then at most kFew are with it
// at a time, and the offsets of those few are committed, in the mark, before they go. Found open
// with a few in it, those are delivered one at a time, each in the mark before it goes. Found open
// with one: that event has failed. All of it per stream: nothing else is with the client meanwhile.
//
// Care is taken where the group bounds the attempts of its events; else nothing would come of it.
//
// So an event that always kills costs at most two ends more than its failures, its neighbours fail
// never, and the others wait for one commit each half of kFew. docs/adr/0009 says why. Pure.
class Caution {
 public:
  // The most events at a time, where they are to be few.
  static constexpr int kFew = 32;

  Caution() = default;
  // What a member can have delivered: from the committed offset on about as many offsets as it may
  // read past the first that is not settled, none from the end on.
  struct Reach {
    std::int64_t committed = 0;
    std::int64_t span = 0;
    std::int64_t end = 0;
  };
  // Of a partition whose mark is `found`. `failed`: the offset of the event that has failed once
  // more; -1: none has.
  static Caution After(const Mark& found, const Reach& reach, std::int64_t* failed);

  // At most so many events may be with the client while this one is; 0: any number.
  int MostBeside(std::int64_t offset) const;
  // Whether there is any below which care is taken, from `prefix` on.
  bool needed(std::int64_t prefix) const { return prefix < few_until_ || prefix < one_until_; }

  // [out.begin, out.end) are to be delivered, and nothing else; empty: nothing is.
  void SetOut(Span out) { out_ = out; }
  const Span& out() const { return out_; }

  // The client is gone while the events in `with`, from the first to the last, were with it; empty:
  // none was. As After.
  void EndWith(Span with, std::int64_t* failed);

  // For a commit of `prefix`. What is with a client says something only while the mark is open.
  Mark mark(bool open, std::int64_t prefix) const;
  std::int64_t until() const { return few_until_ > one_until_ ? few_until_ : one_until_; }

 private:
  // How far care is taken after an end that says nothing of what was out. Where that has been done
  // before, twice as far: the offsets may have holes, and the commit may have been late.
  static std::int64_t Far(const Mark& found, const Reach& reach);
  // What the events that alone were with a client that is gone have to do with it.
  void Suspect(Span out, std::int64_t* failed);

  std::int64_t few_until_ = 0;
  std::int64_t one_until_ = 0;
  Span out_;
};

}  // namespace eventbus::bus
