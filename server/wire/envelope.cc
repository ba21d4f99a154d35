// PublishRequest := (event | json | header | ordering_key)*      in any order
// The last member of the oneof wins; an event that occurs again, with no json between, merges.
#include "server/wire/envelope.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "server/base/error.h"
#include "server/wire/proto_append.h"
#include "simdjson.h"

namespace eventbus::wire {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Field numbers of eventbus.v1; envelope_test holds them to the descriptors.
constexpr int kEvent = 1;
constexpr int kJson = 2;
constexpr int kHeaders = 3;
constexpr int kOrderingKey = 4;
constexpr int kHeaderKey = 1;
constexpr int kHeaderValue = 2;
constexpr std::uint32_t kResponseEventId = 1;
constexpr std::uint32_t kResponseTopic = 2;
constexpr std::uint32_t kResponsePartition = 3;
constexpr std::uint32_t kResponseOffset = 4;

constexpr std::size_t kMaxHeaders = 64;
constexpr std::size_t kMaxHeaderBytes = 16 * 1024;
constexpr std::size_t kMaxKeyBytes = 1024;
constexpr char kReservedPrefix[] = "eventbus-";

bool IsUtf8(absl::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

// Reads length-delimited fields one by one; whatever else there is counts as unknown.
class FieldReader {
 public:
  explicit FieldReader(absl::string_view bytes)
      : bytes_(bytes),
        input_(reinterpret_cast<const std::uint8_t*>(bytes.data()),
               static_cast<int>(bytes.size())) {}

  // False at the end, and where something is wrong: see broken() and unknown().
  bool Next(int max_field, int* field, absl::string_view* value) {
    if (input_.CurrentPosition() == static_cast<int>(bytes_.size())) return false;
    const std::uint32_t tag = input_.ReadTagNoLastTag();
    *field = WireFormatLite::GetTagFieldNumber(tag);
    if (tag == 0 || *field == 0) return Fail(broken_);
    if (*field > max_field ||
        WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      unknown_field_ = *field;
      return Fail(unknown_);
    }
    std::uint32_t length = 0;
    if (!input_.ReadVarint32(&length)) return Fail(broken_);
    const auto start = static_cast<std::size_t>(input_.CurrentPosition());
    if (length > bytes_.size() - start) return Fail(broken_);
    *value = bytes_.substr(start, length);
    input_.Skip(static_cast<int>(length));
    return true;
  }

  bool broken() const { return broken_; }
  bool unknown() const { return unknown_; }
  int unknown_field() const { return unknown_field_; }

 private:
  bool Fail(bool& flag) {
    flag = true;
    return false;
  }

  absl::string_view bytes_;
  CodedInputStream input_;
  bool broken_ = false;
  bool unknown_ = false;
  int unknown_field_ = 0;
};

class Parser {
 public:
  Parser(absl::string_view request, absl::string_view path) : reader_(request), path_(path) {}

  absl::StatusOr<PublishEnvelope> Parse() {
    int field = 0;
    absl::string_view value;
    while (reader_.Next(kOrderingKey, &field, &value)) Take(field, value);
    if (absl::Status status = Check(reader_, ""); !status.ok()) return status;
    if (!nested_.ok()) return nested_;
    CheckBounds();
    if (!violations_.empty()) {
      return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID, std::move(violations_));
    }
    return std::move(envelope_);
  }

 private:
  void Take(int field, absl::string_view value) {
    switch (field) {
      case kEvent:
        return TakeEvent(value);
      case kJson:
        envelope_.content = PublishEnvelope::Content::kJson;
        envelope_.first = value;
        envelope_.merged.clear();
        return;
      case kHeaders:
        return TakeHeader(value);
      default:
        envelope_.ordering_key = value;
    }
  }

  void TakeEvent(absl::string_view value) {
    if (envelope_.content == PublishEnvelope::Content::kEvent) {
      envelope_.merged = absl::StrCat(envelope_.body(), value);
      return;
    }
    envelope_.content = PublishEnvelope::Content::kEvent;
    envelope_.first = value;
    envelope_.merged.clear();
  }

  void TakeHeader(absl::string_view bytes) {
    FieldReader reader(bytes);
    PublishHeader header;
    int field = 0;
    absl::string_view value;
    while (reader.Next(kHeaderValue, &field, &value)) {
      (field == kHeaderKey ? header.key : header.value) = value;
    }
    const std::string where = absl::StrCat("headers[", envelope_.headers.size(), "]");
    if (nested_.ok()) nested_ = Check(reader, where);
    envelope_.headers.push_back(header);
  }

  absl::Status Check(const FieldReader& reader, absl::string_view where) const {
    const std::string at = where.empty() ? std::string("request") : std::string(where);
    if (reader.broken()) {
      return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID,
                         {{absl::StrCat(path_, at),
                           "not a protobuf message: its bytes break off or "
                           "have a tag that does not exist"}});
    }
    if (reader.unknown()) {
      return MakeInvalid(v1::ERROR_REASON_UNKNOWN_FIELD,
                         {{absl::StrCat(path_, at), absl::StrCat("field ", reader.unknown_field(),
                                                                 " is not known to this server")}});
    }
    return absl::OkStatus();
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

  FieldReader reader_;
  absl::string_view path_;
  PublishEnvelope envelope_;
  absl::Status nested_;
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
  AppendText(kResponseEventId, event_id, response);
  AppendText(kResponseTopic, topic, response);
  AppendNumber(kResponsePartition, partition, response);
  AppendNumber(kResponseOffset, offset, response);
  return response;
}

}  // namespace eventbus::wire
