#include "server/wire/findings.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace eventbus::wire {

void Findings::List(const FieldPath& path, std::string description) {
  if (violations_.size() < kMaxListed) {
    violations_.push_back({path.ToString(), std::move(description)});
  }
}

void Findings::Add(const FieldPath& path, std::string description) {
  if (muted_ == 0) List(path, std::move(description));
}

void Findings::AddUnknown(const FieldPath& path, const WireField& field,
                          absl::string_view message) {
  if (muted_ != 0) return;
  unknown_ = true;
  List(path, absl::StrCat("field ", field.number, " of wire type ", static_cast<int>(field.type),
                          ", a field of ", message, " as this server knows it is allowed"));
}

void Findings::AddNotUtf8(const FieldPath& path, absl::string_view what) {
  broken_ = true;
  List(path, absl::StrCat(what, ", UTF-8 is required"));
}

bool Findings::Malformed(const FieldPath& path, WireFault fault, absl::string_view message) {
  broken_ = true;
  List(path,
       absl::StrCat(WireFaultText(fault), ", the protobuf bytes of ", message, " are required"));
  return false;
}

absl::Status Findings::ToStatus() && {
  const bool unknown = unknown_ && !broken_;
  return MakeInvalid(unknown ? v1::ERROR_REASON_UNKNOWN_FIELD : v1::ERROR_REASON_EVENT_INVALID,
                     std::move(violations_));
}

}  // namespace eventbus::wire
