// PublishBatchRequest, PublishStreamRequest   := request*
// PublishBatchResponse, PublishStreamResponse := result*
// result := published | error
#include "server/wire/publish_batch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/wire/envelope.h"
#include "server/wire/json_scanner.h"
#include "server/wire/proto_append.h"
#include "server/wire/wire_reader.h"

namespace eventbus::wire {
namespace {

// Field numbers of eventbus.v1 and of google.protobuf; publish_batch_test holds them to the
// descriptors.
constexpr std::uint32_t kRequests = 1;
constexpr std::uint32_t kResults = 1;
constexpr std::uint32_t kPublished = 1;
constexpr std::uint32_t kError = 2;
constexpr std::uint32_t kReason = 1;
constexpr std::uint32_t kMessage = 2;
constexpr std::uint32_t kFieldViolations = 3;
constexpr std::uint32_t kRetryDelay = 4;
constexpr std::uint32_t kViolationField = 1;
constexpr std::uint32_t kViolationDescription = 2;
constexpr std::uint32_t kSeconds = 1;
constexpr std::uint32_t kNanos = 2;

constexpr std::size_t kMaxResponseBytes = 3u << 20;
constexpr std::size_t kMaxViolationBytes = 2048;
// Of the entry that says how many are missing.
constexpr std::size_t kLastViolationBytes = 32;
// Of an error besides its message and violations: reason, delay, tags and lengths.
constexpr std::size_t kRestBytes = 64;
static_assert(kMaxPublishRequests * (kMaxMessageBytes + kMaxViolationBytes + kRestBytes) <
              kMaxResponseBytes);

absl::Status Refuse(ErrorReason reason, absl::string_view field, std::string description) {
  return MakeInvalid(reason, {{std::string(field), std::move(description)}});
}

absl::Status CheckCount(std::size_t count) {
  if (count >= 1 && count <= kMaxPublishRequests) return absl::OkStatus();
  return Refuse(v1::ERROR_REASON_REQUEST_INVALID, "requests",
                absl::StrCat(count, " requests, 1 to ", kMaxPublishRequests, " are allowed"));
}

// A text that is not UTF-8 would take the whole response with it.
std::string Utf8(std::string text) {
  if (IsUtf8(text)) return text;
  std::replace_if(
      text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; }, '?');
  return text;
}

std::string ViolationBytes(const FieldViolation& violation) {
  std::string bytes;
  AppendText(kViolationField, Utf8(violation.field), bytes);
  AppendText(kViolationDescription, Utf8(violation.description), bytes);
  return bytes;
}

void AppendViolations(const std::vector<FieldViolation>& violations, std::string& out) {
  const std::size_t limit = out.size() + kMaxViolationBytes - kLastViolationBytes;
  for (std::size_t i = 0; i < violations.size(); ++i) {
    const std::string bytes = ViolationBytes(violations[i]);
    if (out.size() + PrefixSize(bytes.size()) + bytes.size() > limit) {
      const std::size_t left_out = violations.size() - i;
      return AppendBytes(kFieldViolations,
                         ViolationBytes({"", absl::StrCat("and ", left_out, " more")}), out);
    }
    AppendBytes(kFieldViolations, bytes, out);
  }
}

void AppendDelay(absl::Duration delay, std::string& out) {
  std::string bytes;
  AppendNumber(kSeconds, absl::IDivDuration(delay, absl::Seconds(1), &delay), bytes);
  AppendNumber(kNanos, absl::ToInt64Nanoseconds(delay), bytes);
  AppendBytes(kRetryDelay, bytes, out);
}

}  // namespace

absl::StatusOr<std::vector<absl::string_view>> SplitPublishRequests(absl::string_view message) {
  if (message.size() > kMaxPublishBytes) {
    return Refuse(v1::ERROR_REASON_REQUEST_INVALID, "request",
                  absl::StrCat(message.size(), " bytes, at most ", kMaxPublishBytes));
  }
  std::vector<absl::string_view> requests;
  std::size_t count = 0;
  std::uint32_t unknown = 0;
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (field.number != kRequests || field.type != WireType::kBytes) {
      if (unknown == 0) unknown = field.number;
    } else if (++count <= kMaxPublishRequests) {
      requests.push_back(field.bytes);
    }
  }
  if (reader.fault() != WireFault::kNone) {
    return Refuse(v1::ERROR_REASON_REQUEST_INVALID, "request",
                  absl::StrCat("not a protobuf message: ", WireFaultText(reader.fault())));
  }
  if (unknown != 0) {
    return Refuse(v1::ERROR_REASON_UNKNOWN_FIELD, "request",
                  absl::StrCat("field ", unknown, " is not known to this server"));
  }
  if (absl::Status status = CheckCount(count); !status.ok()) return status;
  return requests;
}

void PublishResults::AddPublished(absl::string_view event_id, absl::string_view topic,
                                  std::int32_t partition, std::int64_t offset) {
  AppendPublishResponse(event_id, topic, partition, offset, inner_);
  AddResult(kPublished);
}

void PublishResults::AddError(const absl::Status& error) {
  const ErrorDetails details = GetErrorDetails(error);
  const bool ours = details.reason != v1::ERROR_REASON_UNSPECIFIED;
  AppendNumber(kReason, ours ? details.reason : v1::ERROR_REASON_INTERNAL, inner_);
  AppendText(kMessage, Utf8(ShortMessage(error)), inner_);
  AppendViolations(details.violations, inner_);
  if (details.retry_delay.has_value()) AppendDelay(*details.retry_delay, inner_);
  AddResult(kError);
}

void PublishResults::AddResult(std::uint32_t field) {
  AppendPrefix(kResults, PrefixSize(inner_.size()) + inner_.size(), out_);
  AppendBytes(field, inner_, out_);
  inner_.clear();
}

}  // namespace eventbus::wire
