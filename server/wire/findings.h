#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/error.h"
#include "server/wire/field_path.h"
#include "server/wire/wire_reader.h"

namespace eventbus::wire {

// What is wrong with one event, in the order in which it was found.
class Findings {
 public:
  // As many are listed; what comes after them is of no more use to anybody.
  static constexpr std::size_t kMaxListed = 100;

  bool empty() const { return violations_.empty(); }

  // A rule is broken.
  void Add(const FieldPath& path, std::string description);

  // A field that the message of this name does not have.
  void AddUnknown(const FieldPath& path, const WireField& field, absl::string_view message);

  // What protobuf's parser takes for broken bytes. Malformed returns false: there is no going on.
  void AddNotUtf8(const FieldPath& path, absl::string_view what = "not UTF-8");
  bool Malformed(const FieldPath& path, WireFault fault, absl::string_view message);

  // EVENT_INVALID, or UNKNOWN_FIELD if there is one and the bytes are protobuf. Not for none.
  absl::Status ToStatus() &&;

  // While one lives, only broken bytes count: for what protobuf reads and then drops.
  class Muted {
   public:
    explicit Muted(Findings* findings) : findings_(findings) { ++findings_->muted_; }
    ~Muted() { --findings_->muted_; }
    Muted(const Muted&) = delete;
    Muted& operator=(const Muted&) = delete;

   private:
    Findings* findings_;
  };

 private:
  void List(const FieldPath& path, std::string description);

  std::vector<FieldViolation> violations_;
  bool unknown_ = false;
  bool broken_ = false;
  int muted_ = 0;
};

}  // namespace eventbus::wire
