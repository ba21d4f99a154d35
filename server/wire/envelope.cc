// PublishRequest := (event | json | header | ordering_key)*      in any order
// The last member of the oneof wins; an event that occurs again, with no json between, merges.
#include "server/wire/envelope.h"

#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/wire/json_scanner.h"
#include "server/wire/proto_append.h"
#include "server/wire/wire_reader.h"

namespace eventbus::wire {
namespace {

// Field numbers of eventbus.v1; envelope_test holds them to the descriptors.
constexpr std::uint32_t kEvent = 1;
constexpr std::uint32_t kJson = 2;
constexpr std::uint32_t kHeaders = 3;
constexpr std::uint32_t kOrderingKey = 4;
constexpr std::uint32_t kHeaderKey = 1;
constexpr std::uint32_t kHeaderValue = 2;
constexpr std::uint32_t kResponseEventId = 1;
constexpr std::uint32_t kResponseTopic = 2;
constexpr std::uint32_t kResponsePartition = 3;
constexpr std::uint32_t kResponseOffset = 4;

constexpr std::size_t kMaxHeaders = 64;
constexpr std::size_t kMaxHeaderBytes = 16 * 1024;
constexpr std::size_t kMaxKeyBytes = 1024;
constexpr char kReservedPrefix[] = "eventbus-";

class Parser {
 public:
  Parser(absl::string_view request, absl::string_view path) : reader_(request), path_(path) {}

  absl::StatusOr<PublishEnvelope> Parse() {
    const absl::Status read = Walk(reader_, kOrderingKey, "request",
                                   [this](const WireField& field) { return Take(field); });
    if (!read.ok()) return read;
    CheckBounds();
    if (!violations_.empty()) {
      return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID, std::move(violations_));
    }
    return std::move(envelope_);
  }

 private:
  // Hands every field to `take`: all there are are length-delimited, up to number `last`.
  absl::Status Walk(WireReader& reader, std::uint32_t last, absl::string_view where,
                    absl::FunctionRef<absl::Status(const WireField&)> take) const {
    WireField field;
    while (reader.Next(&field)) {
      if (field.number > last || field.type != WireType::kBytes) {
        return Refuse(v1::ERROR_REASON_UNKNOWN_FIELD, where,
                      absl::StrCat("field ", field.number, " is not known to this server"));
      }
      if (absl::Status status = take(field); !status.ok()) return status;
    }
    if (reader.fault() == WireFault::kNone) return absl::OkStatus();
    return Refuse(v1::ERROR_REASON_REQUEST_INVALID, where,
                  absl::StrCat("not a protobuf message: ", WireFaultText(reader.fault())));
  }

  absl::Status Refuse(ErrorReason reason, absl::string_view where, std::string description) const {
    return MakeInvalid(reason, {{absl::StrCat(path_, where), std::move(description)}});
  }

  absl::Status Take(const WireField& field) {
    switch (field.number) {
      case kEvent:
        return TakeEvent(field.bytes);
      case kJson:
        envelope_.content = PublishEnvelope::Content::kJson;
        envelope_.first = field.bytes;
        envelope_.merged.clear();
        break;
      case kHeaders:
        return TakeHeader(field.bytes);
      default:
        envelope_.ordering_key = field.bytes;
    }
    return absl::OkStatus();
  }

  // Each occurrence must be whole, or the end of one would be read with the beginning of the next.
  absl::Status TakeEvent(absl::string_view bytes) {
    if (envelope_.content != PublishEnvelope::Content::kEvent) {
      envelope_.content = PublishEnvelope::Content::kEvent;
      envelope_.first = bytes;
      envelope_.merged.clear();
      return absl::OkStatus();
    }
    for (const absl::string_view occurrence : {envelope_.body(), bytes}) {
      const WireFault fault = FaultIn(occurrence, 1);
      if (fault == WireFault::kNone) continue;
      return Refuse(v1::ERROR_REASON_EVENT_INVALID, "event",
                    absl::StrCat("not a protobuf message: ", WireFaultText(fault)));
    }
    envelope_.merged = absl::StrCat(envelope_.body(), bytes);
    return absl::OkStatus();
  }

  absl::Status TakeHeader(absl::string_view bytes) {
    const std::string where = absl::StrCat("headers[", envelope_.headers.size(), "]");
    envelope_.headers.emplace_back();
    PublishHeader& header = envelope_.headers.back();
    WireReader reader(bytes, 1);
    return Walk(reader, kHeaderValue, where, [&header](const WireField& field) {
      (field.number == kHeaderKey ? header.key : header.value) = field.bytes;
      return absl::OkStatus();
    });
  }

  void Violate(absl::string_view field, std::string description) {
    violations_.push_back({absl::StrCat(path_, field), std::move(description)});
  }

  void CheckBounds() {
    if (envelope_.content == PublishEnvelope::Content::kNone) {
      Violate("content", "not set, event or json is required");
    }
    if (envelope_.ordering_key.has_value()) CheckOrderingKey(*envelope_.ordering_key);
    if (envelope_.headers.size() > kMaxHeaders) {
      Violate("headers", absl::StrCat(envelope_.headers.size(), " headers, at most ", kMaxHeaders));
    }
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < envelope_.headers.size(); ++i) {
      CheckHeader(envelope_.headers[i].key, i);
      bytes += envelope_.headers[i].key.size() + envelope_.headers[i].value.size();
    }
    if (bytes > kMaxHeaderBytes) {
      Violate("headers", absl::StrCat(bytes, " bytes in all, at most ", kMaxHeaderBytes));
    }
  }

  void CheckOrderingKey(absl::string_view key) {
    if (key.empty() || key.size() > kMaxKeyBytes) {
      Violate("ordering_key",
              absl::StrCat(key.size(), " bytes, 1 to ", kMaxKeyBytes, " are allowed"));
    } else if (!IsUtf8(key)) {
      Violate("ordering_key", "not UTF-8");
    }
  }

  void CheckHeader(absl::string_view key, std::size_t index) {
    const std::string field = absl::StrCat("headers[", index, "].key");
    if (key.empty()) return Violate(field, "empty, a name is required");
    if (!IsUtf8(key)) return Violate(field, "not UTF-8");
    if (absl::StartsWith(key, kReservedPrefix)) {
      Violate(field, absl::StrCat("\"", key, "\", names that begin with ", kReservedPrefix,
                                  " are the server's own"));
    }
  }

  WireReader reader_;
  absl::string_view path_;
  PublishEnvelope envelope_;
  std::vector<FieldViolation> violations_;
};

}  // namespace

absl::StatusOr<PublishEnvelope> ParsePublishRequest(absl::string_view request,
                                                    absl::string_view path) {
  return Parser(request, path).Parse();
}

std::string PublishResponseBytes(absl::string_view event_id, absl::string_view topic,
                                 std::int32_t partition, std::int64_t offset) {
  std::string response;
  AppendPublishResponse(event_id, topic, partition, offset, response);
  return response;
}

void AppendPublishResponse(absl::string_view event_id, absl::string_view topic,
                           std::int32_t partition, std::int64_t offset, std::string& out) {
  AppendText(kResponseEventId, event_id, out);
  AppendText(kResponseTopic, topic, out);
  AppendNumber(kResponsePartition, partition, out);
  AppendNumber(kResponseOffset, offset, out);
}

}  // namespace eventbus::wire
