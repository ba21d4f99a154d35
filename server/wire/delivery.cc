// EventBatch        := (tag length ReceivedEvent)* ack_token?
// ReceivedEvent     := body event_id event_type topic partition offset record_time
//                      (ordering_key | raw_key)? Header* ack_token? delivery_attempt? json?
// Fields are written in the order of their numbers; what is empty or zero is left out, as proto3
// does.
#include "server/wire/delivery.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/wire/json_scanner.h"
#include "server/wire/proto_append.h"

namespace eventbus::wire {
namespace {

// Field numbers of eventbus.v1; delivery_test holds them to the descriptors.
constexpr std::uint32_t kResponseBatch = 2;
constexpr std::uint32_t kBatchEvents = 1;
constexpr std::uint32_t kBatchAckToken = 2;
constexpr std::uint32_t kEvent = 1;
constexpr std::uint32_t kUndecodable = 2;
constexpr std::uint32_t kEventId = 3;
constexpr std::uint32_t kEventType = 4;
constexpr std::uint32_t kTopic = 5;
constexpr std::uint32_t kPartition = 6;
constexpr std::uint32_t kOffset = 7;
constexpr std::uint32_t kRecordTime = 8;
constexpr std::uint32_t kOrderingKey = 9;
constexpr std::uint32_t kRawKey = 10;
constexpr std::uint32_t kHeaders = 11;
constexpr std::uint32_t kAckToken = 12;
constexpr std::uint32_t kDeliveryAttempt = 13;
constexpr std::uint32_t kJson = 14;
constexpr std::uint32_t kUndecodableValue = 1;
constexpr std::uint32_t kUndecodableReason = 2;
constexpr std::uint32_t kUndecodableDetail = 3;

// `name` with U+FFFD for every byte that is not part of UTF-8.
std::string Repaired(absl::string_view name) {
  std::string out;
  while (!name.empty()) {
    std::size_t length = 0;
    for (std::size_t n = 1; n <= 4 && n <= name.size() && length == 0; ++n) {
      if (IsUtf8(name.substr(0, n))) length = n;
    }
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      length = 1;
    } else {
      out.append(name.data(), length);
    }
    name.remove_prefix(length);
  }
  return out;
}

void AppendUndecodable(absl::optional<absl::string_view> value, const Undecodable& body,
                       std::string& out) {
  std::string message;
  if (value.has_value()) AppendBytes(kUndecodableValue, *value, message);
  AppendNumber(kUndecodableReason, static_cast<std::int64_t>(body.reason), message);
  AppendText(kUndecodableDetail, body.detail, message);
  AppendBytes(kUndecodable, message, out);
}

void AppendTime(std::int64_t milliseconds, std::string& out) {
  if (milliseconds < 0) return;
  std::string message;
  AppendNumber(1, milliseconds / 1000, message);
  AppendNumber(2, milliseconds % 1000 * 1'000'000, message);
  AppendBytes(kRecordTime, message, out);
}

void AppendKey(absl::optional<absl::string_view> key, std::string& out) {
  if (key.has_value()) AppendBytes(IsUtf8(*key) ? kOrderingKey : kRawKey, *key, out);
}

void AppendHeader(const ReceivedHeader& header, std::string& out) {
  std::string message;
  AppendText(1, IsUtf8(header.key) ? std::string(header.key) : Repaired(header.key), message);
  AppendText(2, header.value, message);
  AppendBytes(kHeaders, message, out);
}

// Everything that follows the body, but for headers, ack_token, delivery_attempt and json.
void AppendPlace(const ReceivedRecord& record, const Decoded* decoded, std::string& out) {
  if (decoded != nullptr) {
    AppendText(kEventId, decoded->event_id, out);
    AppendText(kEventType, decoded->event_type, out);
  }
  AppendText(kTopic, record.topic, out);
  AppendNumber(kPartition, record.partition, out);
  AppendNumber(kOffset, record.offset, out);
  AppendTime(record.timestamp_ms, out);
  AppendKey(record.key, out);
}

void AppendSettling(const ReceivedRecord& record, std::string& out) {
  AppendText(kAckToken, record.ack_token, out);
  AppendNumber(kDeliveryAttempt, record.delivery_attempt, out);
}

Undecodable TooLarge(std::size_t bytes, std::size_t max_bytes) {
  return {Reason::kTooLarge, absl::StrCat(bytes, " bytes as a message, at most ", max_bytes)};
}

// The record's place, its key, its headers, its token and its attempt; what would pass `max_bytes`
// is left out, headers first, but never the last two: without its token the event could not be
// settled.
void AppendWhatFits(const ReceivedRecord& record, const Decoded* decoded, std::size_t max_bytes,
                    std::string& event) {
  std::string settling;
  AppendSettling(record, settling);
  max_bytes -= std::min(max_bytes, settling.size());
  const std::size_t body = event.size();
  AppendPlace(record, decoded, event);
  if (event.size() > max_bytes) {
    event.resize(body);
    ReceivedRecord bare = record;
    bare.key.reset();
    AppendPlace(bare, nullptr, event);
  }
  const std::size_t without_headers = event.size();
  for (const ReceivedHeader& header : record.headers) AppendHeader(header, event);
  if (event.size() > max_bytes) event.resize(without_headers);
  event += settling;
}

}  // namespace

void AppendReceivedEvent(const ReceivedRecord& record,
                         const std::variant<Decoded, Undecodable>& body, bool include_json,
                         std::size_t max_bytes, std::string& batch) {
  constexpr std::size_t kPrefix = 16;  // At most: a tag and a length.
  const auto* decoded = std::get_if<Decoded>(&body);
  thread_local std::string event;
  event.clear();
  if (decoded != nullptr) {
    AppendBytes(kEvent, decoded->event, event);
  } else {
    const Undecodable& undecodable = std::get<Undecodable>(body);
    const bool too_large = undecodable.reason == Reason::kTooLarge;
    AppendUndecodable(too_large ? absl::nullopt : record.value, undecodable, event);
  }
  AppendPlace(record, decoded, event);
  for (const ReceivedHeader& header : record.headers) AppendHeader(header, event);
  AppendSettling(record, event);
  if (event.size() + kPrefix > max_bytes) {
    const Undecodable too_large = TooLarge(event.size(), max_bytes);
    event.clear();
    AppendUndecodable(absl::nullopt, too_large, event);
    AppendWhatFits(record, decoded, max_bytes - kPrefix, event);
  } else if (include_json && decoded != nullptr &&
             event.size() + record.value->size() + 2 * kPrefix <= max_bytes) {
    AppendText(kJson, *record.value, event);
  }
  AppendBytes(kBatchEvents, event, batch);
}

void AppendBatchToken(absl::string_view ack_token, std::string& batch) {
  AppendText(kBatchAckToken, ack_token, batch);
}

std::string BatchPrefix(std::size_t batch_bytes) {
  std::string prefix;
  AppendPrefix(kResponseBatch, batch_bytes, prefix);
  return prefix;
}

}  // namespace eventbus::wire
