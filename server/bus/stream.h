#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace eventbus::bus {

// Shared, never changed.
using Bytes = std::shared_ptr<const std::string>;

// Some of them.
struct Slice {
  // NOLINTNEXTLINE(google-explicit-constructor): whole bytes are a slice.
  Slice(Bytes whole) : bytes(std::move(whole)), size(bytes->size()) {}
  Slice(Bytes of, std::size_t from, std::size_t count)
      : bytes(std::move(of)), begin(from), size(count) {}

  absl::string_view view() const { return {bytes->data() + begin, size}; }

  Bytes bytes;
  std::size_t begin = 0;
  std::size_t size = 0;
};

// One message of a stream: its parts, one after the other.
using Message = std::vector<Slice>;

// The client's end of a stream, as a subscription sees it: one write at a time. Thread-safe.
class StreamSink {
 public:
  virtual ~StreamSink() = default;

  // Begins to write `message`. False, and nothing is written, where the write before it is still
  // under way or the stream is over; if that is the client's doing, OnGone or OnDeadline says so
  // next. Once it is done the subscription's OnWritten is called.
  virtual bool Write(Message message) = 0;

  // Ends the stream: after the write under way come the messages in `last`, then `status`. A client
  // that does not read them within a few seconds is cut off. Only the first call counts.
  virtual void Close(const absl::Status& status, std::vector<Message> last) = 0;
};

// A stream, as the server that it lives in sees it. Thread-safe; no call blocks.
class LiveStream {
 public:
  virtual ~LiveStream() = default;

  // The server is shutting down: say so, drop what is unwritten, and close within `remaining`.
  virtual void Drain(absl::Duration remaining) = 0;
  // Something about the cluster may have changed.
  virtual void Wake() = 0;
};

// A subscription, as the stream that carries it sees it. Thread-safe; no call blocks.
class Subscription : public LiveStream {
 public:
  // Once: finds where to read, then reads; the sink gets everything that follows.
  virtual void Start() = 0;
  // The write under way is done.
  virtual void OnWritten() = 0;
  // The client has gone, or the connection: nothing can be written any more.
  virtual void OnGone() = 0;
  // The same at the deadline that the client gave the call: as agreed, not a client's death.
  virtual void OnDeadline() { OnGone(); }
  // The client will send no more: end with OK, after what it has sent before.
  virtual void OnHalfClose() = 0;
};

}  // namespace eventbus::bus
