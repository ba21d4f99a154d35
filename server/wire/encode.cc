// Event := (family's field)*    the last family counts, and merges while no other comes in between
#include "server/wire/encode.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/wire/encode_buffers.h"
#include "server/wire/event_encode.h"
#include "server/wire/field_path.h"
#include "server/wire/findings.h"
#include "server/wire/message_encode.h"
#include "server/wire/wire_reader.h"

namespace eventbus::wire {
namespace {

constexpr absl::string_view kEvent = "Event";

// Finds an event's family, and has it written.
class EventEncoder {
 public:
  EventEncoder(const Plan& plan, const EncodeOptions& options, Source source,
               EncodeBuffers* buffers)
      : plan_(plan), options_(options), source_(source), buffers_(*buffers) {}

  absl::StatusOr<Encoded> Encode(absl::string_view event) {
    const FieldPath path(options_.path);
    MessageEncoder encoder(options_, source_, &buffers_, &findings_);
    if (Scan(event, path)) {
      if (family_ == nullptr) {
        findings_.Add(path, NoFamily());
      } else if (encoder.Family(*family_, message_.bytes, PathOf(path, *family_, source_))) {
        buffers_.out.End();
      }
    }
    if (!findings_.empty()) return std::move(findings_).ToStatus();
    return Finish(encoder);
  }

 private:
  static FieldPath PathOf(const FieldPath& path, const FamilyPlan& family, Source source) {
    return source == Source::kJson ? path : FieldPath(path, family.topic->family);
  }

  bool Scan(absl::string_view event, const FieldPath& path) {
    WireReader reader(event);
    WireField field;
    while (reader.Next(&field)) {
      const FamilyPlan* family = field.type == WireType::kBytes
                                     ? plan_.FindByNumber(static_cast<int>(field.number))
                                     : nullptr;
      if (family == nullptr) {
        findings_.AddUnknown(path, field, kEvent);
      } else if (!Take(*family, field.bytes, path)) {
        return false;
      }
    }
    return reader.fault() == WireFault::kNone || findings_.Malformed(path, reader.fault(), kEvent);
  }

  bool Take(const FamilyPlan& family, absl::string_view bytes, const FieldPath& path) {
    if (family_ == &family) {
      const WireFault fault = buffers_.Merge(bytes, 1, &message_);
      return fault == WireFault::kNone ||
             findings_.Malformed(PathOf(path, family, source_), fault, family.message->full_name);
    }
    if (family_ != nullptr && !Drop(path)) return false;
    family_ = &family;
    message_ = {bytes, nullptr};
    return true;
  }

  // What another family takes the place of has been read all the same.
  bool Drop(const FieldPath& path) {
    const Findings::Muted muted(&findings_);
    EncodeOptions options = options_;
    options.rules = Rules::kRewrite;
    MessageEncoder encoder(options, source_, &buffers_, &findings_);
    const bool good = encoder.Family(*family_, message_.bytes, PathOf(path, *family_, source_));
    buffers_.out.Truncate(0);
    return good;
  }

  std::string NoFamily() const {
    return absl::StrCat("no family is set, one of ",
                        absl::StrJoin(plan_.families(), ", ",
                                      [](std::string* out, const FamilyPlan& family) {
                                        absl::StrAppend(out, family.topic->family);
                                      }),
                        " is required");
  }

  absl::StatusOr<Encoded> Finish(const MessageEncoder& encoder) {
    const absl::string_view json = buffers_.out.written();
    if (json.size() > options_.max_bytes) {
      return MakeInvalid(
          v1::ERROR_REASON_EVENT_TOO_LARGE,
          {{std::string(options_.path), absl::StrCat(json.size(), " bytes as JSON, at most ",
                                                     options_.max_bytes, " are allowed")}});
    }
    Encoded encoded;
    encoded.topic = family_->topic;
    encoded.event_id = encoder.event_id();
    encoded.key = encoder.key();
    encoded.json = std::string(json);
    return encoded;
  }

  const Plan& plan_;
  const EncodeOptions& options_;
  const Source source_;
  EncodeBuffers& buffers_;
  Findings findings_;
  const FamilyPlan* family_ = nullptr;
  MergedBytes message_;
};

}  // namespace

absl::StatusOr<Encoded> EncodeFrom(Source source, const Plan& plan, absl::string_view event,
                                   const EncodeOptions& options) {
  thread_local EncodeBuffers buffers;
  buffers.Clear();
  return EventEncoder(plan, options, source, &buffers).Encode(event);
}

absl::StatusOr<Encoded> EncodeEvent(const Plan& plan, absl::string_view event,
                                    const EncodeOptions& options) {
  return EncodeFrom(Source::kProtobuf, plan, event, options);
}

}  // namespace eventbus::wire
